/* The checksums that S3 keeps of objects: CRC-32 (ISO-HDLC) and CRC-64/NVME, the CRC-64 of the NVM Express
 * specification, and how the checksums of parts make up that of the whole. */
#include <libdeflate.h>
#include <string.h>

#include "store/s3.h"

/* Reflected polynomials. */
#define CRC32_POLYNOMIAL UINT64_C(0xEDB88320)
#define CRC64_POLYNOMIAL UINT64_C(0x9A6C9329AC4BC9B5)
#define SLICES 8

const char *lh_s3_checksum_header(enum lh_s3_checksum kind) {
  return kind == LH_S3_CHECKSUM_CRC32 ? "x-amz-checksum-crc32" : "x-amz-checksum-crc64nvme";
}

const char *lh_s3_checksum_algorithm(enum lh_s3_checksum kind) {
  return kind == LH_S3_CHECKSUM_CRC32 ? "CRC32" : "CRC64NVME";
}

/* slices[i][byte]: what the byte contributes when i zero bytes follow it in the same eight. */
void lh_s3_checksum_prepare(struct lh_s3_checksum_tables *tables) {
  for (uint64_t byte = 0; byte < 256; byte++) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; bit++) {
      crc = (crc & 1) != 0 ? crc >> 1 ^ CRC64_POLYNOMIAL : crc >> 1;
    }
    tables->slices[0][byte] = crc;
  }
  for (int i = 1; i < SLICES; i++) {
    for (size_t byte = 0; byte < 256; byte++) {
      const uint64_t crc = tables->slices[i - 1][byte];
      tables->slices[i][byte] = crc >> 8 ^ tables->slices[0][crc & 0xFF];
    }
  }
}

static uint64_t crc64(const uint64_t (*slices)[256], const uint8_t *bytes, size_t size) {
  uint64_t crc = ~UINT64_C(0);
  for (; size >= SLICES; size -= SLICES, bytes += SLICES) {
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    word ^= crc; /* the lowest byte comes first, as this machine reads words */
    crc = 0;
    for (int i = 0; i < SLICES; i++) {
      crc ^= slices[SLICES - 1 - i][word >> 8 * i & 0xFF];
    }
  }
  for (; size > 0; size--, bytes++) {
    crc = crc >> 8 ^ slices[0][(crc ^ *bytes) & 0xFF];
  }
  return ~crc;
}

uint64_t lh_s3_checksum_of(enum lh_s3_checksum kind, const struct lh_s3_checksum_tables *tables,
                           const void *bytes, size_t size) {
  return kind == LH_S3_CHECKSUM_CRC32 ? libdeflate_crc32(0, bytes, size) : crc64(tables->slices, bytes, size);
}

/* The product of two polynomials over GF(2), reflected with the highest bit for 1, modulo `polynomial`. */
static uint64_t multiply(uint64_t a, uint64_t b, uint64_t polynomial, uint64_t one) {
  uint64_t product = 0;
  for (uint64_t bit = one; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) {
      product ^= b;
    }
    b = (b & 1) != 0 ? b >> 1 ^ polynomial : b >> 1;
  }
  return product;
}

uint64_t lh_s3_checksum_join(enum lh_s3_checksum kind, uint64_t first, uint64_t second,
                             uint64_t second_size) {
  const bool is_32 = kind == LH_S3_CHECKSUM_CRC32;
  const uint64_t polynomial = is_32 ? CRC32_POLYNOMIAL : CRC64_POLYNOMIAL;
  const uint64_t one = UINT64_C(1) << (is_32 ? 31 : 63);
  uint64_t power = one >> 8; /* x^8: one byte more */
  uint64_t shifted = first;
  for (; second_size > 0; second_size >>= 1) {
    if ((second_size & 1) != 0) {
      shifted = multiply(power, shifted, polynomial, one);
    }
    power = multiply(power, power, polynomial, one);
  }
  return shifted ^ second;
}

void lh_s3_checksum_text(enum lh_s3_checksum kind, uint64_t checksum, char out[LH_S3_CHECKSUM_TEXT_MAX]) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const int size = kind == LH_S3_CHECKSUM_CRC32 ? 4 : 8;
  uint8_t bytes[9] = {0};
  for (int i = 0; i < size; i++) {
    bytes[i] = (uint8_t)(checksum >> 8 * (size - 1 - i));
  }
  int length = 0;
  for (int i = 0; i < size; i += 3) {
    const uint32_t word = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
    for (int j = 0; j < 4; j++) {
      out[length++] = i * 8 + j * 6 < size * 8 ? digits[word >> (18 - 6 * j) & 63] : '=';
    }
  }
  out[length] = '\0';
}
