import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;

/** StreamsPipeline BOOTSTRAP APPLICATION_ID stateless|aggregating INPUT OUTPUT: the benchmark's pipelines in Kafka Streams. */
public final class StreamsPipeline {
    public static void main(String[] args) throws Exception {
        Properties config = new Properties();
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        config.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir") + "/" + args[1]);
        config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, String> input = builder.stream(args[3], Consumed.with(Serdes.String(), Serdes.String()));
        if (args[2].equals("stateless")) {
            input.mapValues(value -> value.toUpperCase()).to(args[4], Produced.with(Serdes.String(), Serdes.String()));
        } else {
            input.groupByKey().count().toStream().mapValues((key, count) -> Long.toString(count))
                .to(args[4], Produced.with(Serdes.String(), Serdes.String()));
        }
        KafkaStreams streams = new KafkaStreams(builder.build(), config);
        streams.start();
        // The benchmark ends it by closing its standard input.
        while (System.in.read() >= 0) { }
        streams.close();
    }
}
