// Reads Parquet files with parquet-java and prints what it finds, for test_parquet_java.py.
// usage: java -cp … ParquetJavaRead.java dump OUT_DIRECTORY FILE...
//            a file NAME.jsonl of each, a JSON array a row, with values as they are stored
//        java -cp … ParquetJavaRead.java filter FILE [COLUMN OPERATOR VALUE LEVELS]...
//            the rows that are read and those that match, a line each; LEVELS of "stats,dictionary,index,bloom"

import java.io.IOException;
import java.io.Writer;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.filter2.compat.FilterCompat;
import org.apache.parquet.filter2.predicate.FilterApi;
import org.apache.parquet.filter2.predicate.FilterPredicate;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.MessageColumnIO;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type;

public final class ParquetJavaRead {
  public static void main(String[] args) throws IOException {
    if (args[0].equals("dump")) {
      for (String file : Arrays.copyOfRange(args, 2, args.length)) {
        dump(Path.of(file), Path.of(args[1]));
      }
      return;
    }
    for (int i = 2; i + 3 < args.length; i += 4) {
      filter(Path.of(args[1]), args[i], args[i + 1], args[i + 2], List.of(args[i + 3].split(",")));
    }
  }

  private static ParquetReadOptions.Builder options() {
    return ParquetReadOptions.builder(new PlainParquetConfiguration());
  }

  private static void dump(Path file, Path directory) throws IOException {
    Path out = directory.resolve(file.getFileName().toString().replace(".parquet", ".jsonl"));
    try (ParquetFileReader reader = ParquetFileReader.open(new LocalInputFile(file), options().build());
        Writer writer = Files.newBufferedWriter(out)) {
      MessageType schema = reader.getFooter().getFileMetaData().getSchema();
      MessageColumnIO io = new ColumnIOFactory().getColumnIO(schema);
      StringBuilder text = new StringBuilder();
      for (PageReadStore pages = reader.readNextRowGroup(); pages != null; pages = reader.readNextRowGroup()) {
        RecordReader<Group> records = io.getRecordReader(pages, new GroupRecordConverter(schema));
        for (long row = 0; row < pages.getRowCount(); row++) {
          text.setLength(0);
          appendMembers(text, records.read());
          writer.append(text.append('\n'));
        }
      }
    }
  }

  private static void appendMembers(StringBuilder out, Group group) {
    GroupType type = group.getType();
    out.append('[');
    for (int i = 0; i < type.getFieldCount(); i++) {
      if (i > 0) {
        out.append(',');
      }
      appendField(out, group, i);
    }
    out.append(']');
  }

  private static void appendField(StringBuilder out, Group group, int field) {
    if (group.getFieldRepetitionCount(field) == 0) {
      out.append("null");
      return;
    }
    Type type = group.getType().getType(field);
    if (type.isPrimitive()) {
      appendValue(out, group, field, type.asPrimitiveType());
      return;
    }
    Group value = group.getGroup(field, 0);
    LogicalTypeAnnotation annotation = type.getLogicalTypeAnnotation();
    boolean isMap = annotation instanceof LogicalTypeAnnotation.MapLogicalTypeAnnotation;
    if (!isMap && !(annotation instanceof LogicalTypeAnnotation.ListLogicalTypeAnnotation)) {
      appendMembers(out, value);
      return;
    }
    out.append('[');
    for (int i = 0; i < value.getFieldRepetitionCount(0); i++) {
      if (i > 0) {
        out.append(',');
      }
      if (isMap) {
        appendMembers(out, value.getGroup(0, i));
      } else {
        appendField(out, value.getGroup(0, i), 0);
      }
    }
    out.append(']');
  }

  private static void appendValue(StringBuilder out, Group group, int field, PrimitiveType type) {
    switch (type.getPrimitiveTypeName()) {
      case BOOLEAN -> out.append(group.getBoolean(field, 0));
      case INT32 -> out.append(group.getInteger(field, 0));
      case INT64 -> out.append(group.getLong(field, 0));
      case FLOAT -> out.append(Float.floatToRawIntBits(group.getFloat(field, 0)));
      case DOUBLE -> out.append(Double.doubleToRawLongBits(group.getDouble(field, 0)));
      default -> appendBytes(out, group.getBinary(field, 0).getBytes(), type.getLogicalTypeAnnotation());
    }
  }

  private static void appendBytes(StringBuilder out, byte[] bytes, LogicalTypeAnnotation annotation) {
    if (annotation instanceof LogicalTypeAnnotation.DecimalLogicalTypeAnnotation) {
      out.append(new BigInteger(bytes));
      return;
    }
    out.append('"').append(HexFormat.of().formatHex(bytes)).append('"');
  }

  private static Binary binaryOf(String value) {
    if (!value.startsWith("uuid:")) {
      return Binary.fromString(value);
    }
    UUID uuid = UUID.fromString(value.substring(5));
    ByteBuffer bytes = ByteBuffer.allocate(16).putLong(uuid.getMostSignificantBits());
    return Binary.fromConstantByteArray(bytes.putLong(uuid.getLeastSignificantBits()).array());
  }

  private static FilterPredicate predicate(MessageType schema, String column, String operator, String value) {
    boolean isEqual = operator.equals("=");
    return switch (schema.getType(column).asPrimitiveType().getPrimitiveTypeName()) {
      case INT32 -> isEqual ? FilterApi.eq(FilterApi.intColumn(column), Integer.valueOf(value))
          : FilterApi.lt(FilterApi.intColumn(column), Integer.valueOf(value));
      case INT64 -> isEqual ? FilterApi.eq(FilterApi.longColumn(column), Long.valueOf(value))
          : FilterApi.lt(FilterApi.longColumn(column), Long.valueOf(value));
      default -> isEqual ? FilterApi.eq(FilterApi.binaryColumn(column), binaryOf(value))
          : FilterApi.lt(FilterApi.binaryColumn(column), binaryOf(value));
    };
  }

  private static MessageType schemaOf(Path file) throws IOException {
    try (ParquetFileReader reader = ParquetFileReader.open(new LocalInputFile(file), options().build())) {
      return reader.getFooter().getFileMetaData().getSchema();
    }
  }

  private static void filter(Path file, String column, String operator, String value, List<String> levels)
      throws IOException {
    MessageType schema = schemaOf(file);
    FilterCompat.Filter filter = FilterCompat.get(predicate(schema, column, operator, value));
    ParquetReadOptions options = options().withRecordFilter(filter).useRecordFilter(true)
        .useStatsFilter(levels.contains("stats")).useDictionaryFilter(levels.contains("dictionary"))
        .useColumnIndexFilter(levels.contains("index")).useBloomFilter(levels.contains("bloom")).build();
    long read = 0;
    long matching = 0;
    try (ParquetFileReader reader = ParquetFileReader.open(new LocalInputFile(file), options)) {
      MessageColumnIO io = new ColumnIOFactory().getColumnIO(schema);
      for (PageReadStore pages = reader.readNextFilteredRowGroup(); pages != null;
          pages = reader.readNextFilteredRowGroup()) {
        RecordReader<Group> records = io.getRecordReader(pages, new GroupRecordConverter(schema), filter);
        for (long row = 0; row < pages.getRowCount(); row++) {
          if (records.read() != null && !records.shouldSkipCurrentRecord()) {
            matching++;
          }
        }
        read += pages.getRowCount();
      }
    }
    System.out.println(read + " " + matching);
  }
}
