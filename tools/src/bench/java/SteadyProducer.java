import java.util.*;
import java.util.concurrent.atomic.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;

/**
 * Sends at a fixed rate to one partition for some seconds and prints the longest time without an acknowledgement, in
 * milliseconds. Says `steady` when it has run long enough for the broker to be killed. Arguments: bootstrap, topic, rate, seconds.
 */
public class SteadyProducer {
  public static void main(String[] args) throws Exception {
    int rate = Integer.parseInt(args[2]);
    int seconds = Integer.parseInt(args[3]);
    Map<String, Object> config = Map.of("bootstrap.servers", args[0], "acks", "all", "linger.ms", 0);
    AtomicLong lastAck = new AtomicLong();
    AtomicLong longest = new AtomicLong();
    AtomicLong failed = new AtomicLong();
    byte[] value = new byte[100];
    try (Producer<byte[], byte[]> producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      long start = System.nanoTime();
      long interval = 1_000_000_000L / rate;
      for (long i = 0; i < (long) rate * seconds; i++) {
        long due = start + i * interval;
        while (System.nanoTime() < due) Thread.sleep(1);
        if (i == 3L * rate) {
          lastAck.set(System.nanoTime());
          System.out.println("steady");
        }
        boolean counted = i >= 3L * rate;
        producer.send(new ProducerRecord<>(args[1], 0, null, value), (metadata, error) -> {
          if (error != null) failed.incrementAndGet();
          else if (counted) {
            long now = System.nanoTime();
            longest.accumulateAndGet(now - lastAck.getAndSet(now), Math::max);
          }
        });
      }
    }
    System.out.println(longest.get() / 1e6 + " " + failed.get());
  }
}
