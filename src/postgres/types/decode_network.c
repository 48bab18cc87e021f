/* Decoders of network addresses, as their output functions print them. Spec: network_send and inet_net_ntop.c
 * in PostgreSQL. */
#include <stdio.h>

#include "postgres/types/decode.h"

#define HEADER_BYTES 4
#define FAMILY_V4 2
#define FAMILY_V6 3
#define V4_BYTES 4
#define V6_BYTES 16
#define V6_WORDS 8
/* Eight words of four digits and their colons, or six and an IPv4 address; "/128". */
#define ADDRESS_TEXT_BYTES 64
#define MAC_MAX_BYTES 8

static int print_v4(const uint8_t *address, char *text, size_t size) {
  return snprintf(text, size, "%u.%u.%u.%u", address[0], address[1], address[2], address[3]);
}

struct run {
  int start, length;
};

/* The first of the longest runs of zeros; one zero alone is none. */
static struct run find_zeros(const unsigned words[V6_WORDS]) {
  struct run best = {-1, 0};
  struct run run = {0, 0};
  for (int i = 0; i < V6_WORDS; i++) {
    run = words[i] != 0 ? (struct run){i + 1, 0} : (struct run){run.start, run.length + 1};
    if (run.length > best.length) {
      best = run;
    }
  }
  return best.length >= 2 ? best : (struct run){-1, 0};
}

static int print_v6(const uint8_t *address, char *text, size_t size) {
  unsigned words[V6_WORDS];
  for (int i = 0; i < V6_WORDS; i++) {
    words[i] = lh_pg_load_u16(address + 2 * i);
  }
  const struct run zeros = find_zeros(words);
  const bool holds_v4 = zeros.start == 0 && (zeros.length == 6 || (zeros.length == 5 && words[5] == 0xffff));
  int used = 0;
  for (int i = 0; i < V6_WORDS; i++) {
    if (zeros.start >= 0 && i >= zeros.start && i < zeros.start + zeros.length) {
      used += i == zeros.start ? snprintf(text + used, size - (size_t)used, ":") : 0;
      continue;
    }
    used += i > 0 ? snprintf(text + used, size - (size_t)used, ":") : 0;
    if (i == 6 && holds_v4) {
      return used + print_v4(address + 12, text + used, size - (size_t)used);
    }
    used += snprintf(text + used, size - (size_t)used, "%x", words[i]);
  }
  if (zeros.start >= 0 && zeros.start + zeros.length == V6_WORDS) {
    used += snprintf(text + used, size - (size_t)used, ":");
  }
  return used;
}

static lh_status decode_address(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                bool always_with_bits, struct lh_column *column, struct lh_error *err) {
  const bool is_v4 = length == HEADER_BYTES + V4_BYTES && bytes[0] == FAMILY_V4 && bytes[3] == V4_BYTES;
  const bool is_v6 = length == HEADER_BYTES + V6_BYTES && bytes[0] == FAMILY_V6 && bytes[3] == V6_BYTES;
  const unsigned most_bits = is_v4 ? 8 * V4_BYTES : 8 * V6_BYTES;
  if (__builtin_expect((!is_v4 && !is_v6) || bytes[1] > most_bits, 0)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "a value of type %s has %zu bytes that are no address",
                        decoder->type_name, length);
  }
  char text[ADDRESS_TEXT_BYTES];
  int used = is_v4 ? print_v4(bytes + HEADER_BYTES, text, sizeof(text))
                   : print_v6(bytes + HEADER_BYTES, text, sizeof(text));
  if (always_with_bits || bytes[1] != most_bits) {
    used += snprintf(text + used, sizeof(text) - (size_t)used, "/%u", bytes[1]);
  }
  return lh_pg_put_bytes(column, (const uint8_t *)text, (size_t)used, err);
}

lh_status lh_pg_decode_inet(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  return decode_address(decoder, bytes, length, false, column, err);
}

lh_status lh_pg_decode_cidr(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            struct lh_column *column, struct lh_error *err) {
  return decode_address(decoder, bytes, length, true, column, err);
}

static lh_status decode_mac(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                            size_t expected, struct lh_column *column, struct lh_error *err) {
  static const char digits[] = "0123456789abcdef";
  if (__builtin_expect(length != expected, 0)) {
    return lh_pg_wrong_length(decoder, length, expected, err);
  }
  uint8_t text[3 * MAC_MAX_BYTES];
  for (size_t i = 0; i < length; i++) {
    text[3 * i] = (uint8_t)digits[bytes[i] >> 4];
    text[3 * i + 1] = (uint8_t)digits[bytes[i] & 15];
    text[3 * i + 2] = ':';
  }
  return lh_pg_put_bytes(column, text, 3 * length - 1, err);
}

lh_status lh_pg_decode_macaddr(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                               struct lh_column *column, struct lh_error *err) {
  return decode_mac(decoder, bytes, length, 6, column, err);
}

lh_status lh_pg_decode_macaddr8(const struct lh_pg_decoder *decoder, const uint8_t *bytes, size_t length,
                                struct lh_column *column, struct lh_error *err) {
  return decode_mac(decoder, bytes, length, 8, column, err);
}
