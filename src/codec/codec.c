/*
 * The compression libraries behind one table of functions. Each entry says how large the result may
 * get, how one block is compressed with the context made once per compressor, and how a block of known
 * size is restored. Decompression holds no context: it serves checks and tests, not the data path.
 */
#include "codec/codec.h"

#include <ctype.h>
#include <libdeflate.h>
#include <lz4.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/str.h"

#define ZSTD_LEVEL_DEFAULT 3
#define GZIP_LEVEL_DEFAULT 6
#define ZSTD_LEVEL_MOST 22
#define GZIP_LEVEL_MOST 12
#define SHOWN_MAX_BYTES 64 /* of a wrong text in a message */

struct codec_ops {
  enum lh_codec codec;
  const char *name;
  int level_least, level_most, level_default;
  void *(*context_new)(int level); /* NULL: needs none */
  void (*context_free)(void *context);
  bool (*set_matches)(void *context, enum lh_codec_matches matches); /* NULL: has no choice */
  size_t (*bound)(void *context, size_t size); /* 0: `size` is more than the codec takes */
  /* Bytes written to `out`, 0 on failure. */
  size_t (*compress)(void *context, const void *bytes, size_t size, void *out, size_t capacity);
  bool (*decompress)(const void *bytes, size_t size, void *out, size_t out_size);
};

struct lh_compressor {
  const struct codec_ops *ops;
  void *context;
};

static size_t none_bound(void *context, size_t size) {
  (void)context;
  return size;
}

static size_t none_compress(void *context, const void *bytes, size_t size, void *out, size_t capacity) {
  (void)context;
  (void)capacity;
  memcpy(out, bytes, size);
  return size;
}

static bool none_decompress(const void *bytes, size_t size, void *out, size_t out_size) {
  if (size != out_size) {
    return false;
  }
  memcpy(out, bytes, size);
  return true;
}

static void *zstd_context_new(int level) {
  ZSTD_CCtx *const context = ZSTD_createCCtx();
  if (context != NULL && ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level))) {
    ZSTD_freeCCtx(context);
    return NULL;
  }
  return context;
}

static void zstd_context_free(void *context) {
  ZSTD_freeCCtx(context);
}

/* Spec: zstd.h, ZSTD_c_minMatch, of which 0 is the level's own. */
static bool zstd_set_matches(void *context, enum lh_codec_matches matches) {
  static const int least_bytes[LH_MATCHES_COUNT] = {[LH_MATCHES_SHORT] = 4, [LH_MATCHES_LONG] = 7};
  return !ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_minMatch, least_bytes[matches]));
}

static size_t zstd_bound(void *context, size_t size) {
  (void)context;
  const size_t bound = ZSTD_compressBound(size);
  return ZSTD_isError(bound) ? 0 : bound;
}

static size_t zstd_compress(void *context, const void *bytes, size_t size, void *out, size_t capacity) {
  const size_t written = ZSTD_compress2(context, out, capacity, bytes, size);
  return ZSTD_isError(written) ? 0 : written;
}

static bool zstd_decompress(const void *bytes, size_t size, void *out, size_t out_size) {
  const size_t written = ZSTD_decompress(out, out_size, bytes, size);
  return !ZSTD_isError(written) && written == out_size;
}

static size_t snappy_bound(void *context, size_t size) {
  (void)context;
  return size > UINT32_MAX ? 0 : snappy_max_compressed_length(size);
}

static size_t snappy_compress_block(void *context, const void *bytes, size_t size, void *out,
                                    size_t capacity) {
  (void)context;
  size_t written = capacity;
  return snappy_compress(bytes, size, out, &written) == SNAPPY_OK ? written : 0;
}

static bool snappy_decompress(const void *bytes, size_t size, void *out, size_t out_size) {
  size_t written = 0;
  if (snappy_uncompressed_length(bytes, size, &written) != SNAPPY_OK || written != out_size) {
    return false;
  }
  return snappy_uncompress(bytes, size, out, &written) == SNAPPY_OK && written == out_size;
}

static void *gzip_context_new(int level) {
  return libdeflate_alloc_compressor(level);
}

static void gzip_context_free(void *context) {
  libdeflate_free_compressor(context);
}

static size_t gzip_bound(void *context, size_t size) {
  return libdeflate_gzip_compress_bound(context, size);
}

static size_t gzip_compress(void *context, const void *bytes, size_t size, void *out, size_t capacity) {
  return libdeflate_gzip_compress(context, bytes, size, out, capacity);
}

static bool gzip_decompress(const void *bytes, size_t size, void *out, size_t out_size) {
  struct libdeflate_decompressor *const decompressor = libdeflate_alloc_decompressor();
  if (decompressor == NULL) {
    return false;
  }
  size_t read = 0;
  size_t written = 0;
  const enum libdeflate_result result =
      libdeflate_gzip_decompress_ex(decompressor, bytes, size, out, out_size, &read, &written);
  libdeflate_free_decompressor(decompressor);
  return result == LIBDEFLATE_SUCCESS && read == size && written == out_size;
}

static void *lz4_context_new(int level) {
  (void)level;
  return malloc((size_t)LZ4_sizeofState());
}

static size_t lz4_bound(void *context, size_t size) {
  (void)context;
  return size > LZ4_MAX_INPUT_SIZE ? 0 : (size_t)LZ4_compressBound((int)size);
}

static size_t lz4_compress(void *context, const void *bytes, size_t size, void *out, size_t capacity) {
  const int room = capacity > INT32_MAX ? INT32_MAX : (int)capacity;
  return (size_t)LZ4_compress_fast_extState(context, bytes, out, (int)size, room, 1);
}

static bool lz4_decompress(const void *bytes, size_t size, void *out, size_t out_size) {
  if (size > INT32_MAX || out_size > INT32_MAX) {
    return false;
  }
  const int written = LZ4_decompress_safe(bytes, out, (int)size, (int)out_size);
  return written >= 0 && (size_t)written == out_size;
}

static const struct codec_ops codecs[] = {
    {LH_CODEC_ZSTD, "zstd", 1, ZSTD_LEVEL_MOST, ZSTD_LEVEL_DEFAULT, zstd_context_new, zstd_context_free,
     zstd_set_matches, zstd_bound, zstd_compress, zstd_decompress},
    {LH_CODEC_SNAPPY, "snappy", 0, 0, 0, NULL, NULL, NULL, snappy_bound, snappy_compress_block,
     snappy_decompress},
    {LH_CODEC_GZIP, "gzip", 1, GZIP_LEVEL_MOST, GZIP_LEVEL_DEFAULT, gzip_context_new, gzip_context_free, NULL,
     gzip_bound, gzip_compress, gzip_decompress},
    {LH_CODEC_LZ4_RAW, "lz4_raw", 0, 0, 0, lz4_context_new, free, NULL, lz4_bound, lz4_compress,
     lz4_decompress},
    {LH_CODEC_NONE, "none", 0, 0, 0, NULL, NULL, NULL, none_bound, none_compress, none_decompress},
};
#define CODEC_COUNT (sizeof codecs / sizeof codecs[0])

static const char *const codec_names[] = {"zstd", "snappy", "gzip", "lz4_raw", "none", NULL};

static const struct codec_ops *find_codec(enum lh_codec codec) {
  for (size_t i = 0; i < CODEC_COUNT; i++) {
    if (codecs[i].codec == codec) {
      return &codecs[i];
    }
  }
  return NULL;
}

const char *lh_codec_name(enum lh_codec codec) {
  const struct codec_ops *const ops = find_codec(codec);
  return ops == NULL ? NULL : ops->name;
}

bool lh_codec_from_name(const char *name, enum lh_codec *out) {
  for (size_t i = 0; i < CODEC_COUNT; i++) {
    if (strcmp(codecs[i].name, name) == 0) {
      *out = codecs[i].codec;
      return true;
    }
  }
  return false;
}

const char *const *lh_codec_names(void) {
  return codec_names;
}

void lh_codec_level_bounds(enum lh_codec codec, int *least, int *most) {
  const struct codec_ops *const ops = find_codec(codec);
  *least = ops == NULL ? 0 : ops->level_least;
  *most = ops == NULL ? 0 : ops->level_most;
}

bool lh_codec_chooses_matches(enum lh_codec codec) {
  const struct codec_ops *const ops = find_codec(codec);
  return ops != NULL && ops->set_matches != NULL;
}

static lh_status refuse_name(const char *name, struct lh_error *err) {
  const int shown = (int)lh_utf8_truncate(name, strlen(name), SHOWN_MAX_BYTES);
  lh_error_set(err, LH_ERROR_USAGE, "unknown compression \"%.*s\"", shown, name);
  const char *const nearest = lh_str_nearest(name, codec_names, CODEC_COUNT);
  if (nearest != NULL) {
    lh_error_hint(err, "did you mean \"%s\"?", nearest);
    return LH_ERROR_USAGE;
  }
  struct lh_arena arena;
  lh_arena_init(&arena, 0);
  const char *const all = lh_str_join(codec_names, CODEC_COUNT, ", ", &arena);
  if (all != NULL) {
    lh_error_hint(err, "known here: %s", all);
  }
  lh_arena_clear(&arena);
  return LH_ERROR_USAGE;
}

/* The level in "(9)"; false for anything else. */
static bool parse_level(const char *text, int *out) {
  char *end;
  if (text[0] != '(' || (!isdigit((unsigned char)text[1]) && text[1] != '-')) {
    return false;
  }
  const long level = strtol(text + 1, &end, 10);
  if (end == text + 1 || strcmp(end, ")") != 0 || level < INT16_MIN || level > INT16_MAX) {
    return false;
  }
  *out = (int)level;
  return true;
}

lh_status lh_codec_parse(const char *text, enum lh_codec *codec, int *level, struct lh_error *err) {
  char name[SHOWN_MAX_BYTES + 1];
  const size_t name_length = strcspn(text, "(");
  snprintf(name, sizeof name, "%.*s", (int)(name_length < sizeof name ? name_length : sizeof name - 1), text);
  if (!lh_codec_from_name(name, codec)) {
    return refuse_name(name, err);
  }
  *level = LH_CODEC_LEVEL_DEFAULT;
  if (text[name_length] == '\0') {
    return LH_OK;
  }
  int least = 0;
  int most = 0;
  lh_codec_level_bounds(*codec, &least, &most);
  if (most == 0) {
    lh_error_set(err, LH_ERROR_USAGE, "compression %s has no levels", name);
    lh_error_hint(err, "write %s", name);
    return LH_ERROR_USAGE;
  }
  if (!parse_level(text + name_length, level) || *level < least || *level > most) {
    const int shown = (int)lh_utf8_truncate(text, strlen(text), SHOWN_MAX_BYTES);
    lh_error_set(err, LH_ERROR_USAGE, "\"%.*s\" is not a level of %s", shown, text, name);
    lh_error_hint(err, "write %s(%d) to %s(%d)", name, least, name, most);
    return LH_ERROR_USAGE;
  }
  return LH_OK;
}

static lh_status refuse_level(const struct codec_ops *ops, int level, struct lh_error *err) {
  const lh_status status =
      lh_error_set(err, LH_ERROR_USAGE, "compression level %d is not one of %s", level, ops->name);
  if (ops->level_most == 0) {
    lh_error_hint(err, "%s has no levels: leave the level out", ops->name);
  } else {
    lh_error_hint(err, "%s takes levels %d to %d", ops->name, ops->level_least, ops->level_most);
  }
  return status;
}

lh_status lh_compressor_new(enum lh_codec codec, int level, struct lh_compressor **out,
                            struct lh_error *err) {
  const struct codec_ops *const ops = find_codec(codec);
  if (ops == NULL) {
    return lh_error_set(err, LH_ERROR_UNSUPPORTED, "compression codec %d is not supported", (int)codec);
  }
  if (level != LH_CODEC_LEVEL_DEFAULT && (level < ops->level_least || level > ops->level_most)) {
    return refuse_level(ops, level, err);
  }
  struct lh_compressor *const compressor = calloc(1, sizeof *compressor);
  if (compressor == NULL) {
    return lh_error_memory(err);
  }
  compressor->ops = ops;
  if (ops->context_new != NULL) {
    compressor->context = ops->context_new(level == LH_CODEC_LEVEL_DEFAULT ? ops->level_default : level);
    if (compressor->context == NULL) {
      free(compressor);
      return lh_error_memory(err);
    }
  }
  *out = compressor;
  return LH_OK;
}

void lh_compressor_free(struct lh_compressor *compressor) {
  if (compressor == NULL) {
    return;
  }
  if (compressor->ops->context_free != NULL) {
    compressor->ops->context_free(compressor->context);
  }
  free(compressor);
}

lh_status lh_compress(struct lh_compressor *compressor, enum lh_codec_matches matches, const void *bytes,
                      size_t size, struct lh_buf *out, struct lh_error *err) {
  const struct codec_ops *const ops = compressor->ops;
  const void *const input = size == 0 ? "" : bytes;
  const size_t bound = ops->bound(compressor->context, size);
  if (bound == 0 && size > 0) {
    return lh_error_set(err, LH_ERROR_DATA, "%zu bytes are more than %s compresses at once", size, ops->name);
  }
  /* One byte more than the bound, so that there is memory to point to for nothing at all. */
  LH_TRY(lh_buf_reserve(out, bound + 1, err));
  const bool is_set = ops->set_matches == NULL || ops->set_matches(compressor->context, matches);
  const size_t written =
      !is_set ? 0 : ops->compress(compressor->context, input, size, out->data + out->len, bound);
  if (written == 0 && bound > 0) {
    return lh_error_set(err, LH_ERROR_INTERNAL, "%s could not compress %zu bytes", ops->name, size);
  }
  out->len += written;
  return LH_OK;
}

lh_status lh_decompress(enum lh_codec codec, const void *bytes, size_t size, void *out, size_t out_size,
                        struct lh_error *err) {
  const struct codec_ops *const ops = find_codec(codec);
  if (ops == NULL) {
    return lh_error_set(err, LH_ERROR_UNSUPPORTED, "compression codec %d is not supported", (int)codec);
  }
  uint8_t nothing = 0;
  if (!ops->decompress(size == 0 ? "" : bytes, size, out_size == 0 ? &nothing : out, out_size)) {
    return lh_error_set(err, LH_ERROR_CORRUPT, "%zu bytes of %s do not decompress to %zu bytes", size,
                        ops->name, out_size);
  }
  return LH_OK;
}
