// franz-go against a Troupe cluster: admin, idempotent producer, exactly-once group session, read_committed consumer.
// Arguments: bootstrap servers, records. Prints one JSON line.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	seeds := kgo.SeedBrokers(strings.Split(os.Args[1], ",")...)
	records, err := strconv.Atoi(os.Args[2])
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Second)
	defer cancel()

	client, err := kgo.NewClient(seeds, kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	must(err)
	admin := kadm.NewClient(client)
	minIsr := "2"
	_, err = admin.CreateTopics(ctx, 3, 3, map[string]*string{"min.insync.replicas": &minIsr}, "go-in", "go-out")
	must(err)
	acked := 0
	for i := 0; i < records; i += 100 {
		batch := make([]*kgo.Record, 0, 100)
		for j := i; j < i+100; j++ {
			batch = append(batch, &kgo.Record{Topic: "go-in", Key: []byte(strconv.Itoa(j % 17)), Value: []byte(strconv.Itoa(j))})
		}
		must(client.ProduceSync(ctx, batch...).FirstErr())
		acked += len(batch)
	}

	session, err := kgo.NewGroupTransactSession(seeds,
		kgo.TransactionalID("go-copier"), kgo.ConsumerGroup("go-copier"), kgo.ConsumeTopics("go-in"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RequireStableFetchOffsets())
	must(err)
	aborted := 0
	copied := map[string]bool{}
	for attempt := 1; len(copied) < records; attempt++ {
		fetches := session.PollRecords(ctx, 500)
		must(ctx.Err())
		if fetches.NumRecords() == 0 {
			continue
		}
		// A coordinator that is just down is dialled once; whoever begins again asks again.
		for err := session.Begin(); err != nil; err = session.Begin() {
			must(ctx.Err())
			time.Sleep(100 * time.Millisecond)
		}
		promise := kgo.AbortingFirstErrPromise(session.Client())
		values := []string{}
		abort := attempt%4 == 0
		fetches.EachRecord(func(r *kgo.Record) {
			value := string(r.Value)
			values = append(values, value)
			if abort {
				value = "aborted-" + value
			}
			session.Produce(ctx, &kgo.Record{Topic: "go-out", Key: r.Key, Value: []byte(value)}, promise.Promise())
		})
		failed := promise.Err() != nil
		committed, err := session.End(ctx, kgo.TransactionEndTry(!abort && !failed))
		must(err)
		if committed {
			for _, value := range values {
				copied[value] = true
			}
		} else {
			aborted++
		}
	}
	session.Close()

	distinct, duplicates, leaked := scan(ctx, seeds, admin)
	out, _ := json.Marshal(map[string]any{"acked": acked, "outDistinct": distinct, "outDuplicates": duplicates,
		"outAborted": leaked, "abortedOnPurpose": aborted > 0})
	fmt.Println(string(out))
}

func scan(ctx context.Context, seeds kgo.Opt, admin *kadm.Client) (int, int, int) {
	ends, err := admin.ListCommittedOffsets(ctx, "go-out")
	// The admin asks each broker once, and one of them may just be crashing.
	for err != nil || ends.Error() != nil {
		must(ctx.Err())
		ends, err = admin.ListCommittedOffsets(ctx, "go-out")
	}
	reader, err := kgo.NewClient(seeds, kgo.ConsumeTopics("go-out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())
	must(err)
	seen := map[string]bool{}
	duplicates, leaked, open := 0, 0, 0
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			open++
		}
	})
	for open > 0 {
		fetches := reader.PollFetches(ctx)
		must(ctx.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			end, _ := ends.Lookup("go-out", r.Partition)
			if r.Offset == end.Offset-1 {
				open--
			}
			if r.Attrs.IsControl() {
				return
			}
			value := string(r.Value)
			if strings.HasPrefix(value, "aborted") {
				leaked++
			} else if seen[value] {
				duplicates++
			}
			seen[value] = true
		})
	}
	return len(seen), duplicates, leaked
}
