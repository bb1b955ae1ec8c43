"""librdkafka through confluent-kafka: idempotent producer, transactional copier, consumer group, admin.

Arguments: bootstrap servers, records. Prints one JSON line with what a scan found at the end.
"""
import json
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

bootstrap, records = sys.argv[1], int(sys.argv[2])
common = {"bootstrap.servers": bootstrap, "reconnect.backoff.max.ms": 200}
errors = []
acked = set()
aborted_on_purpose = 0


def create_topics():
    admin = AdminClient(common)
    topics = [NewTopic(name, 3, 3, config={"min.insync.replicas": "2"}) for name in ("py-in", "py-out")]
    for future in admin.create_topics(topics).values():
        future.result(30)


def produce():
    producer = Producer({**common, "enable.idempotence": True, "compression.type": "zstd", "linger.ms": 2})

    def delivered(value):
        def callback(error, _message):
            if error:
                errors.append(f"producer: {error}")
            else:
                acked.add(value)
        return callback

    for i in range(records):
        producer.produce("py-in", key=str(i % 31), value=str(i), on_delivery=delivered(i))
        if i % 200 == 199:
            producer.poll(0.02)
    producer.flush(120)


def copy():
    global aborted_on_purpose
    consumer = Consumer({**common, "group.id": "py-copier", "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         "isolation.level": "read_committed"})
    producer = Producer({**common, "transactional.id": "py-copier"})
    producer.init_transactions(60)
    consumer.subscribe(["py-in"])
    copied, attempt = set(), 0
    while len(copied) < records:
        batch = [m for m in consumer.consume(200, 0.2) if m.error() is None]
        if not batch:
            continue
        attempt += 1
        abort = attempt % 5 == 0
        aborted_on_purpose += abort
        try:
            producer.begin_transaction()
            ends = {}
            for message in batch:
                value = message.value().decode()
                producer.produce("py-out", key=message.key(), value=("aborted-" if abort else "") + value)
                ends[message.partition()] = max(ends.get(message.partition(), 0), message.offset() + 1)
            offsets = [TopicPartition("py-in", p, o) for p, o in ends.items()]
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 60)
            if abort:
                producer.flush(60)
                raise RuntimeError("on purpose")
            commit(producer)
            copied.update(int(m.value()) for m in batch)
        except (RuntimeError, KafkaException) as error:
            kafka_error = error.args[0] if isinstance(error, KafkaException) else None
            if kafka_error is not None and kafka_error.fatal():
                producer = Producer({**common, "transactional.id": "py-copier"})
                producer.init_transactions(60)
            else:
                producer.abort_transaction(60)
            rewind(consumer)
    consumer.close()


def commit(producer):
    while True:
        try:
            return producer.commit_transaction(60)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise


def rewind(consumer):
    """Back to what is committed. While a coordinator moves, librdkafka hands its errors on to the application."""
    for partition in retried(lambda: consumer.committed(consumer.assignment(), 10)):
        partition.offset = partition.offset if partition.offset >= 0 else 0
        consumer.seek(partition)


PASSING = {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
           KafkaError._WAIT_COORD, KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT}


def retried(work, limit=60):
    deadline = time.time() + limit
    while True:
        try:
            return work()
        except KafkaException as error:
            if time.time() > deadline or not (error.args[0].retriable() or error.args[0].code() in PASSING):
                raise
            time.sleep(0.05)


def scan(topic, isolation):
    consumer = Consumer({**common, "group.id": "py-scan", "enable.auto.commit": False, "isolation.level": isolation,
                         "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(3)])
    values, duplicates, leaked, ended = set(), 0, 0, 0
    while ended < 3:
        message = consumer.poll(10)
        if message is None:
            break
        if message.error():
            if message.error().code() == KafkaError._PARTITION_EOF:
                ended += 1
            continue
        value = message.value().decode()
        leaked += value.startswith("aborted")
        duplicates += value in values
        values.add(value)
    consumer.close()
    return len(values), duplicates, leaked


def guarded(name, work):
    def run():
        try:
            work()
        except Exception as error:  # every failure belongs into the report
            errors.append(f"{name}: {error!r}")
    return run


create_topics()
threads = [threading.Thread(target=guarded(w.__name__, w), daemon=True) for w in (produce, copy)]
for thread in threads:
    thread.start()
deadline = time.time() + 200
for thread in threads:
    thread.join(max(0, deadline - time.time()))
    if thread.is_alive():
        errors.append("a client did not end in time")
in_distinct, in_duplicates, _ = scan("py-in", "read_uncommitted")
out_distinct, out_duplicates, out_aborted = scan("py-out", "read_committed")
print(json.dumps({"acked": len(acked), "inDistinct": in_distinct, "inDuplicates": in_duplicates, "outDistinct": out_distinct,
                  "outDuplicates": out_duplicates, "outAborted": out_aborted, "abortedOnPurpose": aborted_on_purpose > 0,
                  "errors": errors}))
