/*
 * Compression codecs behind one table of functions.
 *
 * Block compression of whole buffers, as Parquet's pages need it. A compressor holds the library's
 * context so that nothing is allocated per page. One thread per compressor.
 * Spec: parquet-format Compression.md (GZIP: one member; LZ4_RAW: a bare block; SNAPPY: no framing).
 */
#ifndef LH_CODEC_CODEC_H
#define LH_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "lakehaul/error.h"

/* The numbers are Parquet's CompressionCodec. */
enum lh_codec {
  LH_CODEC_NONE = 0,
  LH_CODEC_SNAPPY = 1,
  LH_CODEC_GZIP = 2,
  LH_CODEC_ZSTD = 6,
  LH_CODEC_LZ4_RAW = 7,
};

#define LH_CODEC_LEVEL_DEFAULT 0

/* How short a repetition may be that a compressor writes as one. Only zstd has the choice, and only of what
 * it looks for: its level and its format stay the same. */
enum lh_codec_matches {
  LH_MATCHES_OF_LEVEL,
  LH_MATCHES_SHORT, /* of 4 bytes: for numbers of few bytes */
  LH_MATCHES_LONG,  /* of 7 bytes: random digits have shorter ones, which take more than the digits */
  LH_MATCHES_COUNT,
};

struct lh_compressor;

/* "zstd", "snappy", "gzip", "lz4_raw", "none"; NULL for a number that is none of ours. */
const char *lh_codec_name(enum lh_codec codec);
/* False for a name that is none of them. */
bool lh_codec_from_name(const char *name, enum lh_codec *out);
/* All names, NULL-terminated, for messages and help. */
const char *const *lh_codec_names(void);
/* Bounds of the level; both 0 for a codec without levels. */
void lh_codec_level_bounds(enum lh_codec codec, int *least, int *most);

/* "zstd", or with a level "zstd(9)". LH_ERROR_USAGE names what is wrong, with the nearest name or the bounds
 * of the level as its hint. */
lh_status lh_codec_parse(const char *text, enum lh_codec *codec, int *level,
                         struct lh_error *err) LH_WARN_UNUSED;

/* `level` LH_CODEC_LEVEL_DEFAULT picks the codec's default (zstd 3, gzip 6). */
lh_status lh_compressor_new(enum lh_codec codec, int level, struct lh_compressor **out,
                            struct lh_error *err) LH_WARN_UNUSED;
void lh_compressor_free(struct lh_compressor *compressor);

/* Whether anything but LH_MATCHES_OF_LEVEL makes a difference. */
bool lh_codec_chooses_matches(enum lh_codec codec);

/* Appends the compressed form of `bytes` to `out`. */
lh_status lh_compress(struct lh_compressor *compressor, enum lh_codec_matches matches, const void *bytes,
                      size_t size, struct lh_buf *out, struct lh_error *err) LH_WARN_UNUSED;

/* Decompresses into `out` (exactly `out_size` bytes); LH_ERROR_CORRUPT on anything else. */
lh_status lh_decompress(enum lh_codec codec, const void *bytes, size_t size, void *out, size_t out_size,
                        struct lh_error *err) LH_WARN_UNUSED;

#endif
