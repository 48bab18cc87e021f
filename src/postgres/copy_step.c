/* Which columns are decoded in the row loop, and the constants that their numerics need. */
#include "postgres/copy_step.h"

#define GROUP_DIGITS 4

static uint64_t power_of_ten(int exponent) {
  uint64_t power = 1;
  for (int i = 0; i < exponent; i++) {
    power *= 10;
  }
  return power;
}

/* `number` of lh_copy_step_numeric is below 10^16, or 10^17 where it is multiplied, and the divisor at most
 * 1000 (10 then): what the reciprocal is too large by, times that, stays below 2^64, so the quotient is
 * exact. */
static enum lh_copy_step_kind init_numeric(struct lh_copy_step *step, const struct lh_pg_decoder *decoder) {
  const int fraction_groups = (decoder->scale + GROUP_DIGITS - 1) / GROUP_DIGITS;
  const int cut = GROUP_DIGITS * fraction_groups - decoder->scale;
  if (fraction_groups >= LH_NUMERIC_LANES) {
    return LH_STEP_CALL;
  }
  step->top_weight = LH_NUMERIC_LANES - 1 - fraction_groups;
  step->multiplier = cut == 0 ? 10 : 1;
  step->divisor = cut == 0 ? 10 : power_of_ten(cut);
  step->reciprocal = UINT64_MAX / step->divisor + 1;
  step->largest = power_of_ten(decoder->precision < 18 ? decoder->precision : 18) - 1;
  return decoder->precision <= 9    ? LH_STEP_NUMERIC_32
         : decoder->precision <= 18 ? LH_STEP_NUMERIC_64
                                    : LH_STEP_NUMERIC_128;
}

void lh_copy_step_init(struct lh_copy_step *step, const struct lh_pg_decoder *decoder) {
  static const struct {
    lh_pg_decode_function *decode;
    enum lh_copy_step_kind kind;
  } kinds[] = {
      {lh_pg_decode_bool, LH_STEP_BOOL},
      {lh_pg_decode_int2, LH_STEP_INT2},
      {lh_pg_decode_int4, LH_STEP_32},
      {lh_pg_decode_int8, LH_STEP_64},
      {lh_pg_decode_oid, LH_STEP_OID},
      {lh_pg_decode_date, LH_STEP_DATE},
      {lh_pg_decode_uuid, LH_STEP_UUID},
      {lh_pg_decode_timestamp, LH_STEP_TIMESTAMP},
      {lh_pg_decode_bytea, LH_STEP_BYTES},
      {lh_pg_decode_text, LH_STEP_BYTES},
      {lh_pg_decode_versioned_text, LH_STEP_VERSIONED},
  };
  *step = (struct lh_copy_step){.kind = LH_STEP_CALL, .decoder = decoder};
  if (decoder->decode == lh_pg_decode_numeric) {
    step->kind = init_numeric(step, decoder);
    return;
  }
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if (decoder->decode == kinds[i].decode) {
      step->kind = kinds[i].kind;
    }
  }
  if (decoder->check_utf8 && (step->kind == LH_STEP_BYTES || step->kind == LH_STEP_VERSIONED)) {
    step->kind = LH_STEP_CALL;
  }
}
