/* Types that are made of others: composites become structs of their attributes, ranges structs of their
 * bounds, multiranges lists of ranges. Each part is resolved as a column of its type would be; where one part
 * has no binary form, neither has the whole. */
#include <string.h>

#include "postgres/types/type_nested.h"

#define MEMBERS(list) (list), sizeof(list) / sizeof((list)[0])

static const struct lh_field interval_members[] = {
    {.name = "months", .type = LH_TYPE_INT32, .nullable = true},
    {.name = "days", .type = LH_TYPE_INT32, .nullable = true},
    {.name = "microseconds", .type = LH_TYPE_INT64, .nullable = true},
};
static const struct lh_field point_members[] = {
    {.name = "x", .type = LH_TYPE_DOUBLE, .nullable = true},
    {.name = "y", .type = LH_TYPE_DOUBLE, .nullable = true},
};
static const struct lh_field hstore_members[] = {
    {.name = "key", .type = LH_TYPE_STRING},
    {.name = "value", .type = LH_TYPE_STRING, .nullable = true},
};
static const struct lh_field vector_members[] = {
    {.name = "element", .type = LH_TYPE_FLOAT, .nullable = true},
};
static const struct lh_field sparse_members[] = {
    {.name = "key", .type = LH_TYPE_INT32},
    {.name = "value", .type = LH_TYPE_FLOAT, .nullable = true},
};

/* The flags follow the two bounds in the order of their decoder. */
static const char *const range_names[] = {"lower", "upper", "lower_inc", "upper_inc", "empty"};
#define RANGE_MEMBERS (sizeof(range_names) / sizeof(range_names[0]))

static const struct {
  lh_pg_decode_function *decode;
  const struct lh_field *members;
  size_t count;
} member_lists[] = {
    {lh_pg_decode_interval, MEMBERS(interval_members)}, {lh_pg_decode_point, MEMBERS(point_members)},
    {lh_pg_decode_hstore, MEMBERS(hstore_members)},     {lh_pg_decode_vector, MEMBERS(vector_members)},
    {lh_pg_decode_halfvec, MEMBERS(vector_members)},    {lh_pg_decode_sparsevec, MEMBERS(sparse_members)},
};

static lh_status make_children(const struct lh_pg_resolver *resolver, size_t count, struct lh_field *field,
                               struct lh_error *err) {
  field->child_count = count;
  field->children = LH_ARENA_ARRAY(resolver->arena, struct lh_field, count);
  return field->children != NULL ? LH_OK : lh_error_memory(err);
}

lh_status lh_pg_make_members(const struct lh_pg_resolver *resolver, const struct lh_pg_type *type,
                             struct lh_field *field, struct lh_error *err) {
  for (size_t i = 0; i < sizeof(member_lists) / sizeof(member_lists[0]); i++) {
    if (member_lists[i].decode == type->decode) {
      LH_TRY(make_children(resolver, member_lists[i].count, field, err));
      memcpy(field->children, member_lists[i].members, member_lists[i].count * sizeof(*field->children));
      return LH_OK;
    }
  }
  return lh_error_set(err, LH_ERROR_INTERNAL, "type %s has no members", type->name);
}

static void init_decoder(const struct lh_pg_resolver *resolver, lh_pg_decode_function *decode,
                         const char *type_name, uint32_t wire_oid, struct lh_pg_decoder *decoder) {
  *decoder = (struct lh_pg_decoder){.decode = decode,
                                    .type_name = type_name,
                                    .oid = wire_oid,
                                    .on_unrepresentable = resolver->rules->policy.on_unrepresentable,
                                    .multidimensional = resolver->rules->policy.multidimensional,
                                    .replaced = resolver->rules->replaced};
}

lh_status lh_pg_make_array(const struct lh_pg_resolver *resolver, const struct lh_pg_decoder *element,
                           struct lh_field *element_field, uint32_t wire_oid, struct lh_field *field,
                           struct lh_pg_decoder *decoder, struct lh_error *err) {
  struct lh_field *list = field;
  init_decoder(resolver, lh_pg_decode_array, "array", wire_oid, decoder);
  decoder->element = element;
  if (decoder->multidimensional == LH_MULTIDIMENSIONAL_FLATTEN) {
    decoder->decode = lh_pg_decode_flattened_array;
    field->type = LH_TYPE_STRUCT;
    LH_TRY(make_children(resolver, 2, field, err));
    struct lh_field *const dimensions = &field->children[0];
    *dimensions = (struct lh_field){.name = "dims", .type = LH_TYPE_LIST, .nullable = true};
    LH_TRY(make_children(resolver, 1, dimensions, err));
    dimensions->children[0] = (struct lh_field){.name = "element", .type = LH_TYPE_INT32, .nullable = true};
    list = &field->children[1];
    *list = (struct lh_field){.name = "values", .nullable = true};
  }
  list->type = LH_TYPE_LIST;
  list->children = element_field;
  list->child_count = 1;
  return LH_OK;
}

static lh_status resolve_composite(const struct lh_pg_resolver *resolver,
                                   const struct lh_pg_catalog_type *entry, size_t depth,
                                   struct lh_field *field, struct lh_pg_decoder *decoder, bool *resolved,
                                   struct lh_error *err) {
  const size_t count = entry->attribute_count;
  struct lh_pg_decoder *const members = LH_ARENA_ARRAY(resolver->arena, struct lh_pg_decoder, count);
  if (members == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(make_children(resolver, count, field, err));
  for (size_t i = 0; i < count && *resolved; i++) {
    const struct lh_pg_catalog_attribute *const attribute = &entry->attributes[i];
    struct lh_field *const child = &field->children[i];
    child->name = attribute->name;
    child->nullable = true;
    child->source_type = attribute->type_name;
    LH_TRY(lh_pg_resolve_at(resolver, attribute->oid, attribute->typmod, depth + 1, child, &members[i],
                            resolved, err));
  }
  field->type = LH_TYPE_STRUCT;
  decoder->members = members;
  decoder->member_count = count;
  return LH_OK;
}

static const char *type_name_of(const struct lh_pg_resolver *resolver, uint32_t oid) {
  const struct lh_pg_catalog_type *const entry = lh_pg_find_in_catalog(resolver, oid);
  return entry != NULL ? entry->type_name : NULL;
}

static lh_status resolve_range(const struct lh_pg_resolver *resolver, const struct lh_pg_catalog_type *entry,
                               size_t depth, struct lh_field *field, struct lh_pg_decoder *decoder,
                               bool *resolved, struct lh_error *err) {
  struct lh_pg_decoder *const bound = LH_ARENA_NEW(resolver->arena, struct lh_pg_decoder);
  if (bound == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(make_children(resolver, RANGE_MEMBERS, field, err));
  struct lh_field *const lower = &field->children[0];
  lower->source_type = type_name_of(resolver, entry->part_oid);
  LH_TRY(lh_pg_resolve_at(resolver, entry->part_oid, -1, depth + 1, lower, bound, resolved, err));
  field->children[1] = *lower;
  for (size_t i = 0; i < RANGE_MEMBERS; i++) {
    field->children[i].name = range_names[i];
    field->children[i].nullable = true;
  }
  field->type = LH_TYPE_STRUCT;
  decoder->element = bound;
  return LH_OK;
}

static lh_status resolve_multirange(const struct lh_pg_resolver *resolver,
                                    const struct lh_pg_catalog_type *entry, size_t depth,
                                    struct lh_field *field, struct lh_pg_decoder *decoder, bool *resolved,
                                    struct lh_error *err) {
  struct lh_pg_decoder *const range = LH_ARENA_NEW(resolver->arena, struct lh_pg_decoder);
  if (range == NULL) {
    return lh_error_memory(err);
  }
  LH_TRY(make_children(resolver, 1, field, err));
  field->children[0].name = "element";
  field->children[0].nullable = true;
  field->children[0].source_type = type_name_of(resolver, entry->part_oid);
  LH_TRY(
      lh_pg_resolve_at(resolver, entry->part_oid, -1, depth + 1, &field->children[0], range, resolved, err));
  field->type = LH_TYPE_LIST;
  decoder->element = range;
  return LH_OK;
}

lh_status lh_pg_resolve_nested(const struct lh_pg_resolver *resolver, const struct lh_pg_catalog_type *entry,
                               uint32_t wire_oid, size_t depth, struct lh_field *field,
                               struct lh_pg_decoder *decoder, bool *resolved, struct lh_error *err) {
  *resolved = true;
  if (entry->kind == 'c' && entry->attribute_count > 0) {
    init_decoder(resolver, lh_pg_decode_composite, entry->name, wire_oid, decoder);
    return resolve_composite(resolver, entry, depth, field, decoder, resolved, err);
  }
  if (entry->kind == 'r' && entry->part_oid != 0) {
    init_decoder(resolver, lh_pg_decode_range, entry->name, wire_oid, decoder);
    return resolve_range(resolver, entry, depth, field, decoder, resolved, err);
  }
  if (entry->kind == 'm' && entry->part_oid != 0) {
    init_decoder(resolver, lh_pg_decode_multirange, entry->name, wire_oid, decoder);
    return resolve_multirange(resolver, entry, depth, field, decoder, resolved, err);
  }
  *resolved = false;
  return LH_OK;
}

/* Recursion is bounded by LH_PG_MAX_NESTING. */
bool lh_pg_holds_array(const struct lh_pg_decoder *decoder) {
  if (decoder->decode == lh_pg_decode_array || decoder->decode == lh_pg_decode_flattened_array) {
    return true;
  }
  for (size_t i = 0; i < decoder->member_count; i++) {
    if (lh_pg_holds_array(&decoder->members[i])) {
      return true;
    }
  }
  return decoder->element != NULL && lh_pg_holds_array(decoder->element);
}
