import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.KRaftVersionRecord;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.message.SnapshotFooterRecord;
import org.apache.kafka.common.message.SnapshotHeaderRecord;
import org.apache.kafka.common.message.VotersRecord;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.server.common.ApiMessageAndVersion;

/**
 * Apache Kafka's own classes behind a line protocol: one question a line in, one answer a line out, fields separated
 * by tabs, bytes in base64. One process answers everything, because starting a virtual machine is what takes time.
 *
 *   message  class version bytes json   "ok" when Kafka writes the JSON as those bytes, and reads and rewrites them
 *   convert  class version other json     JSON of one version written at another, or why Kafka refuses
 *   metadata class version json         the record value with its frame
 *   key      class json                 a coordinator record's key
 *   value    class version json         a coordinator record's value
 *   read     bytes                      what is in a record batch
 *   write    codec baseOffset producerId epoch sequence transactional leaderEpoch record…   a batch
 *   control  kind baseOffset timestamp leaderEpoch argument…                                a control batch
 */
public class WireHarness {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Map<String, Type> TYPES = new HashMap<>();

    private record Type(MethodHandle create, MethodHandle fromJson) { }

    public static void main(String[] arguments) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 20);
        PrintStream output = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] fields = line.split("\t", -1);
            String answer;
            try {
                answer = answer(fields);
            } catch (Throwable error) {
                answer = "error: " + String.valueOf(error).replaceAll("\\s+", " ");
            }
            output.print(answer);
            output.print('\n');
        }
        output.flush();
    }

    private static String answer(String[] fields) throws Throwable {
        switch (fields[0]) {
            case "message":
                return message(fields[1], Short.parseShort(fields[2]), bytes(fields[3]), fields[4]);
            case "convert":
                return convert(fromJson(fields[1], fields[4], Short.parseShort(fields[2])), Short.parseShort(fields[3]));
            case "metadata":
                return metadata(fromJson(fields[1], fields[3], Short.parseShort(fields[2])), Short.parseShort(fields[2]));
            case "key":
                return base64(MessageUtil.toCoordinatorTypePrefixedBytes((ApiMessage) fromJson(fields[1], fields[2], (short) 0)));
            case "value":
                short version = Short.parseShort(fields[2]);
                return base64(MessageUtil.toVersionPrefixedBytes(version, fromJson(fields[1], fields[3], version)));
            case "read":
                return read(bytes(fields[1]));
            case "write":
                return write(fields);
            case "control":
                return control(fields);
            default:
                return "error: unknown question " + fields[0];
        }
    }

    private static String message(String name, short version, byte[] ours, String json) throws Throwable {
        Message read = (Message) type(name).create.invoke();
        ByteBuffer buffer = ByteBuffer.wrap(ours);
        read.read(new ByteBufferAccessor(buffer), version);
        if (buffer.hasRemaining()) return "read leaves " + buffer.remaining() + " bytes";
        byte[] rewritten = write(read, version);
        if (!Arrays.equals(ours, rewritten)) return "rewritten as " + base64(rewritten);
        if (json.isEmpty()) return "ok";
        Message parsed = fromJson(name, json, version);
        byte[] written = write(parsed, version);
        if (!Arrays.equals(ours, written)) return "written as " + base64(written);
        return parsed.equals(read) ? "ok" : "read as " + read + " instead of " + parsed;
    }

    private static String convert(Message message, short version) {
        try {
            return base64(write(message, version));
        } catch (UnsupportedVersionException | NullPointerException refusal) {
            return refusal.getClass().getSimpleName();
        }
    }

    private static byte[] write(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        if (buffer.hasRemaining()) throw new IllegalStateException("size and write disagree");
        return buffer.array();
    }

    private static String metadata(Message message, short version) {
        ApiMessageAndVersion record = new ApiMessageAndVersion((ApiMessage) message, version);
        ObjectSerializationCache cache = new ObjectSerializationCache();
        MetadataRecordSerde serde = MetadataRecordSerde.INSTANCE;
        ByteBuffer buffer = ByteBuffer.allocate(serde.recordSize(record, cache));
        serde.write(record, cache, new ByteBufferAccessor(buffer));
        return base64(buffer.array());
    }

    private static Message fromJson(String name, String json, short version) throws Throwable {
        return (Message) type(name).fromJson.invoke(MAPPER.readTree(json), version);
    }

    private static Type type(String name) throws Exception {
        Type known = TYPES.get(name);
        if (known != null) return known;
        Class<?> message = Class.forName(name);
        Class<?> converter = Class.forName(name + "JsonConverter");
        MethodHandles.Lookup lookup = MethodHandles.publicLookup();
        Type type = new Type(
            lookup.findConstructor(message, MethodType.methodType(void.class)),
            lookup.findStatic(converter, "read", MethodType.methodType(message, JsonNode.class, short.class)));
        TYPES.put(name, type);
        return type;
    }

    private static String read(byte[] ours) {
        List<String> parts = new ArrayList<>();
        for (MutableRecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(ours)).batches()) {
            batch.ensureValid();
            parts.add(String.join(",", batch.compressionType().name, batch.timestampType().name,
                "" + batch.baseOffset(), "" + batch.lastOffset(), "" + batch.sizeInBytes(), "" + batch.maxTimestamp(),
                "" + batch.producerId(), "" + batch.producerEpoch(), "" + batch.baseSequence(), "" + batch.lastSequence(),
                "" + batch.partitionLeaderEpoch(), "" + batch.isTransactional(), "" + batch.isControlBatch(),
                "" + batch.deleteHorizonMs().orElse(-1), "" + batch.countOrNull(), "" + batch.checksum()));
            for (Record record : batch) {
                List<String> fields = new ArrayList<>(List.of(
                    "" + record.offset(), "" + record.timestamp(), base64(record.key()), base64(record.value())));
                for (Header header : record.headers()) {
                    fields.add(base64(header.key().getBytes(StandardCharsets.UTF_8)) + ":" + base64(header.value()));
                }
                parts.add(String.join(",", fields));
            }
        }
        return String.join("\t", parts);
    }

    private static String write(String[] fields) {
        SimpleRecord[] records = new SimpleRecord[fields.length - 8];
        for (int i = 0; i < records.length; i++) records[i] = record(fields[8 + i].split(",", -1));
        MemoryRecords built = MemoryRecords.withRecords((byte) 2, Long.parseLong(fields[2]), Compression.of(fields[1]).build(),
            TimestampType.CREATE_TIME, Long.parseLong(fields[3]), Short.parseShort(fields[4]), Integer.parseInt(fields[5]),
            Integer.parseInt(fields[7]), Boolean.parseBoolean(fields[6]), records);
        return base64(built.buffer());
    }

    /** timestamp, key, value, header:value… */
    private static SimpleRecord record(String[] fields) {
        Header[] headers = new Header[fields.length - 3];
        for (int i = 0; i < headers.length; i++) {
            String[] header = fields[3 + i].split(":", 2);
            headers[i] = new RecordHeader(new String(bytes(header[0]), StandardCharsets.UTF_8), bytes(header[1]));
        }
        return new SimpleRecord(Long.parseLong(fields[0]), bytes(fields[1]), bytes(fields[2]), headers);
    }

    private static String control(String[] fields) throws Throwable {
        long offset = Long.parseLong(fields[2]);
        long timestamp = Long.parseLong(fields[3]);
        int epoch = Integer.parseInt(fields[4]);
        String argument = fields[5];
        ByteBuffer buffer = ByteBuffer.allocate(4096);
        String types = "org.apache.kafka.common.message.";
        switch (fields[1]) {
            case "abort":
            case "commit":
                ControlRecordType type = fields[1].equals("commit") ? ControlRecordType.COMMIT : ControlRecordType.ABORT;
                return base64(MemoryRecords.withEndTransactionMarker(offset, timestamp, epoch, Long.parseLong(fields[6]),
                    Short.parseShort(fields[7]), new EndTransactionMarker(type, Integer.parseInt(argument))).buffer());
            case "leaderChange":
                return base64(MemoryRecords.withLeaderChangeMessage(offset, timestamp, epoch, buffer,
                    (LeaderChangeMessage) fromJson(types + "LeaderChangeMessage", argument, (short) 0)).buffer());
            case "snapshotHeader":
                return base64(MemoryRecords.withSnapshotHeaderRecord(offset, timestamp, epoch, buffer,
                    (SnapshotHeaderRecord) fromJson(types + "SnapshotHeaderRecord", argument, (short) 0)).buffer());
            case "snapshotFooter":
                return base64(MemoryRecords.withSnapshotFooterRecord(offset, timestamp, epoch, buffer,
                    (SnapshotFooterRecord) fromJson(types + "SnapshotFooterRecord", argument, (short) 0)).buffer());
            case "kraftVersion":
                return base64(MemoryRecords.withKRaftVersionRecord(offset, timestamp, epoch, buffer,
                    (KRaftVersionRecord) fromJson(types + "KRaftVersionRecord", argument, (short) 0)).buffer());
            case "voters":
                return base64(MemoryRecords.withVotersRecord(offset, timestamp, epoch, buffer,
                    (VotersRecord) fromJson(types + "VotersRecord", argument, (short) 0)).buffer());
            default:
                return "error: unknown control record " + fields[1];
        }
    }

    private static byte[] bytes(String text) {
        return text.equals("-") ? null : Base64.getDecoder().decode(text);
    }

    private static String base64(byte[] bytes) {
        return bytes == null ? "-" : Base64.getEncoder().encodeToString(bytes);
    }

    private static String base64(ByteBuffer buffer) {
        if (buffer == null) return "-";
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return base64(bytes);
    }
}
