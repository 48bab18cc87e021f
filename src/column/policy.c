/* The words of the project file for what policies choose from. */
#include "column/policy.h"

static const char *const encoding_words[LH_ENCODING_COUNT] = {
    [LH_ENCODING_AUTO] = "auto",
    [LH_ENCODING_PLAIN] = "plain",
    [LH_ENCODING_DICTIONARY] = "dictionary",
    [LH_ENCODING_DELTA_BINARY_PACKED] = "delta_binary_packed",
    [LH_ENCODING_DELTA_LENGTH_BYTE_ARRAY] = "delta_length_byte_array",
    [LH_ENCODING_DELTA_BYTE_ARRAY] = "delta_byte_array",
    [LH_ENCODING_BYTE_STREAM_SPLIT] = "byte_stream_split",
    [LH_ENCODING_RLE] = "rle",
};

const char *const *lh_encoding_words(void) {
  return encoding_words;
}
