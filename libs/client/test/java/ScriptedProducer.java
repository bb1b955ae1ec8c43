package org.apache.kafka.clients.producer.internals;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Apache Kafka's producer takes one step after the other of a script: each step's outcome is `ok` or the error that is at
 * the bottom of the exception, by its name in the protocol where it has one.
 */
final class ScriptedProducer {
    static List<String> run(JsonNode q) throws Exception {
        Properties properties = new Properties();
        q.get("properties").fields().forEachRemaining(each -> properties.put(each.getKey(), each.getValue().asText()));
        List<String> outcomes = new ArrayList<>();
        KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        try {
            for (JsonNode step : q.get("steps")) outcomes.add(outcome(producer, step));
        } finally {
            producer.close(Duration.ZERO);
        }
        return outcomes;
    }

    private static String outcome(KafkaProducer<byte[], byte[]> producer, JsonNode step) {
        try {
            return take(producer, step);
        } catch (Exception e) {
            return nameOf(e) + stateOf(producer);
        }
    }

    private static String take(KafkaProducer<byte[], byte[]> producer, JsonNode step) throws Exception {
        switch (step.get("do").asText()) {
            case "initTransactions" -> producer.initTransactions();
            case "beginTransaction" -> producer.beginTransaction();
            case "commitTransaction" -> producer.commitTransaction();
            case "abortTransaction" -> producer.abortTransaction();
            case "send" -> {
                List<Header> headers = new ArrayList<>();
                for (JsonNode header : step.get("headers")) headers.add(new RecordHeader(header.get(0).asText(), ClientOracle.bytes(header.get(1))));
                RecordMetadata metadata = producer.send(new ProducerRecord<>(step.get("topic").asText(), step.get("partition").asInt(),
                    step.get("timestamp").asLong(), ClientOracle.bytes(step.get("key")), ClientOracle.bytes(step.get("value")), headers)).get();
                return "ok " + metadata.offset();
            }
            default -> producer.sendOffsetsToTransaction(
                Map.of(new TopicPartition("input", 0), new OffsetAndMetadata(17, Optional.of(2), "")),
                new ConsumerGroupMetadata("g", 3, "m", Optional.ofNullable(step.get("instance").isNull() ? null : step.get("instance").asText())));
        }
        return "ok";
    }

    /** The sender's thread may tell of an error before it has drawn its consequences. */
    private static String stateOf(KafkaProducer<byte[], byte[]> producer) {
        TransactionManager manager = (TransactionManager) read(producer, "transactionManager");
        if (manager == null) return "";
        String state = "";
        for (int i = 0; i < 20; i++) {
            state = manager.hasFatalError() ? " fatal" : manager.hasAbortableError() ? " abortable" : "";
            if (state.equals(" fatal")) return state;
            try {
                Thread.sleep(1);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
        return state;
    }

    private static Object read(Object from, String name) {
        try {
            java.lang.reflect.Field field = from.getClass().getDeclaredField(name);
            field.setAccessible(true);
            return field.get(from);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String nameOf(Exception thrown) {
        Throwable bottom = thrown;
        while (bottom.getCause() != null && (bottom instanceof ExecutionException || bottom.getClass() == KafkaException.class)) bottom = bottom.getCause();
        if (bottom instanceof ApiException) {
            Errors error = Errors.forException(bottom);
            if (error != Errors.UNKNOWN_SERVER_ERROR || bottom.getClass() == Errors.UNKNOWN_SERVER_ERROR.exception().getClass()) return error.name();
        }
        if (bottom.getClass() != KafkaException.class) return bottom.getClass().getSimpleName();
        // What the client did not expect it puts into words.
        for (Errors error : Errors.values())
            if (error.exception() != null && bottom.getMessage().endsWith(error.message())) return error.name();
        java.util.regex.Matcher named = java.util.regex.Pattern.compile("(?:=|unexpected error: )(\\w+)}?$").matcher(bottom.getMessage());
        return named.find() ? named.group(1) : "KafkaException: " + bottom.getMessage();
    }
}
