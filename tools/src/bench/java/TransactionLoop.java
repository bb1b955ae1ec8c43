import java.util.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

/** Transactions of N records spread over six partitions, one after the other. Arguments: bootstrap, topic, records, seconds, id. */
public class TransactionLoop {
  public static void main(String[] args) throws Exception {
    int records = Integer.parseInt(args[2]);
    double seconds = Double.parseDouble(args[3]);
    Map<String, Object> config = Map.of("bootstrap.servers", args[0], "transactional.id", args[4], "linger.ms", 0);
    byte[] value = new byte[100];
    try (Producer<byte[], byte[]> producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.initTransactions();
      long warmUntil = System.nanoTime() + 2_000_000_000L;
      while (System.nanoTime() < warmUntil) one(producer, args[1], records, value);
      int done = 0;
      long start = System.nanoTime();
      long end = start + (long) (seconds * 1e9);
      while (System.nanoTime() < end) {
        one(producer, args[1], records, value);
        done++;
      }
      System.out.println(done / ((System.nanoTime() - start) / 1e9));
    }
  }

  static int next = 0;

  static void one(Producer<byte[], byte[]> producer, String topic, int records, byte[] value) {
    producer.beginTransaction();
    for (int i = 0; i < records; i++) producer.send(new ProducerRecord<>(topic, next++ % 6, null, value));
    producer.commitTransaction();
  }
}
