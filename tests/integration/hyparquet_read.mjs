// Reads a Parquet file with hyparquet and prints what it finds as JSON, for test_page_index.py: the rows' values,
// the page index and the bloom filters.
// usage: node hyparquet_read.mjs NODE_MODULES FILE

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [modules, path] = process.argv.slice(2)
const load = file => import(pathToFileURL(`${modules}/${file}`))
const { parquetMetadata, parquetReadObjects, parquetSchema, readColumnIndex, readOffsetIndex } =
  await load('hyparquet/src/index.js')
const { hashParquetValue, readBloomFilter, sbbfContains } = await load('hyparquet/src/bloom.js')
const { compressors } = await load('hyparquet-compressors/src/index.js')

const bytes = readFileSync(path)
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
const reader = offset => ({ view: new DataView(buffer), offset: Number(offset) })

// Numbers that are whole, text, booleans and lists of them; undefined for what two languages print differently.
function canonical(value) {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'bigint' || typeof value === 'boolean' || typeof value === 'string') return `${value}`
  if (typeof value === 'number') return Number.isInteger(value) ? `${value}` : undefined
  if (!Array.isArray(value)) return undefined
  const items = value.map(canonical)
  return items.includes(undefined) ? undefined : `[${items.join(',')}]`
}

// Bounds as they are in the file: hyparquet would make numbers of the empty ones of pages without values, too.
const RAW = { type: 'FIXED_LEN_BYTE_ARRAY' }
const hex = value => Buffer.from(value).toString('hex')

function leafElement(tree, names) {
  return names.reduce((node, name) => node.children.find(child => child.element.name === name), tree).element
}

const metadata = parquetMetadata(buffer)
const rows = await parquetReadObjects({ file: buffer, compressors, utf8: true })
const names = metadata.schema.length > 1 ? parquetSchema(metadata).children.map(child => child.element.name) : []

const digests = {}
for (const name of names) {
  const hash = createHash('sha256')
  let known = true
  for (const row of rows) {
    const text = canonical(row[name])
    known &&= text !== undefined
    if (!known) break
    hash.update(text).update('\n')
  }
  digests[name] = known ? hash.digest('hex') : null
}

let first = 0
const rowGroups = metadata.row_groups.map(group => {
  const count = Number(group.num_rows)
  const columns = group.columns.map(chunk => {
    const { path_in_schema: names_, bloom_filter_offset: bloomOffset } = chunk.meta_data
    const element = leafElement(parquetSchema(metadata), names_)
    const column = { path: names_.join('.'), size_statistics: chunk.meta_data.size_statistics }
    if (chunk.offset_index_offset !== undefined) {
      const start = reader(chunk.offset_index_offset)
      column.offsets = readOffsetIndex(start)
      column.offset_index_read = start.offset - Number(chunk.offset_index_offset) === chunk.offset_index_length
    }
    if (chunk.column_index_offset !== undefined) {
      const start = reader(chunk.column_index_offset)
      const index = readColumnIndex(start, RAW)
      column.column_index_read = start.offset - Number(chunk.column_index_offset) === chunk.column_index_length
      column.bounds = { ...index, min_values: index.min_values.map(hex), max_values: index.max_values.map(hex) }
    }
    if (bloomOffset !== undefined) {
      const filter = readBloomFilter(reader(bloomOffset))
      const contains = value => sbbfContains(filter.blocks, hashParquetValue(value, element))
      const here = rows.slice(first, first + count).map(row => row[names_[0]]).filter(value => value !== null)
      const elsewhere = typeof here[0] === 'string' ? here.map(value => `${value}?`) : here.map(value => -1n - value)
      column.bloom = {
        bytes: filter.numBytes,
        values: here.length,
        found: here.filter(contains).length,
        false_positives: elsewhere.filter(contains).length,
      }
    }
    return column
  })
  first += count
  return { rows: count, columns, sorting: group.sorting_columns }
})

const result = { rows: rows.length, digests, row_groups: rowGroups }
console.log(JSON.stringify(result, (_, value) => (typeof value === 'bigint' ? Number(value) : value)))
