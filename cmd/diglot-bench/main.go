// Command diglot-bench compares both dialects with a bare floor: net/http, one
// pgx query, the same row, no credentials, no tenants. Both run in this
// process, on the same PostgreSQL, and take turns, so that a figure is a ratio
// of two that were measured under the same conditions. It also measures what
// modest tenants notice of a noisy one.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"text/tabwriter"
	"time"
)

// plan is how much is measured.
type plan struct {
	tenants   int
	perTenant int
	conns     int
	rounds    int
	turn      time.Duration
	noisyTurn time.Duration
	only      string
}

func main() {
	var p plan
	flag.IntVar(&p.tenants, "tenants", 1000, "tenants")
	flag.IntVar(&p.perTenant, "servers", 1000, "servers of each tenant")
	flag.IntVar(&p.conns, "conns", 16, "connections that send one request after the other")
	flag.IntVar(&p.rounds, "rounds", 5, "turns of each side")
	flag.DurationVar(&p.turn, "turn", 3*time.Second, "length of a turn")
	flag.DurationVar(&p.noisyTurn, "noisy-turn", 8*time.Second, "length of a turn with a noisy tenant, or without")
	flag.StringVar(&p.only, "only", "", "measure the operations alone whose name begins so; neighbours: none of them")
	profile := flag.String("cpuprofile", "", "file that a CPU profile of all turns goes to")
	flag.Parse()
	debug.SetGCPercent(400) // as the gateway does; the floor and the clients have it too
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	work := func() error { return p.run(ctx) }
	if flag.Arg(0) == asPest {
		work = func() error {
			var pest pest
			if err := json.NewDecoder(os.Stdin).Decode(&pest); err != nil {
				return err
			}
			return pest.run(ctx)
		}
	}
	if err := profiled(*profile, work); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "diglot-bench:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// neighbours is what -only takes for what tenants notice of each other alone.
const neighbours = "neighbours"

func (p plan) run(ctx context.Context) error {
	cluster, err := startCluster(ctx)
	if err != nil {
		return err
	}
	defer cluster.close()
	started := time.Now()
	large, err := cluster.database(ctx, "large", p.tenants, p.perTenant)
	if err != nil {
		return err
	}
	defer large.close()
	small, err := cluster.database(ctx, "small", p.tenants, 1)
	if err != nil {
		return err
	}
	defer small.close()
	say("seeded %d and %d servers of %d tenants in %s", p.tenants*p.perTenant, p.tenants, p.tenants, time.Since(started).Round(time.Second))
	if p.only != neighbours {
		if err := p.ratios(ctx, large); err != nil {
			return err
		}
		if err := p.growth(ctx, small, large); err != nil {
			return err
		}
	}
	return p.neighbours(ctx, large)
}

// ratios prints each operation's throughput against the floor's.
func (p plan) ratios(ctx context.Context, db *database) error {
	say("\nthroughput against the floor, %d connections, %d turns of %s each, median (least to most):", p.conns, p.rounds, p.turn)
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "operation\tfloor/s\tdiglot/s\tratio\tgoal\tfloor's CPU\tDiglot's\t")
	for _, w := range workloads() {
		if !strings.HasPrefix(w.name, p.only) {
			continue
		}
		var ratios, floors, ours []float64
		var own, postgres, floorOwn, floorPostgres []float64
		for range p.rounds {
			floor, err := p.drive(ctx, p.conns, db.floorURL, db, w.floor)
			if err != nil {
				return fmt.Errorf("floor, %s: %w", w.name, err)
			}
			diglot, err := p.drive(ctx, p.conns, db.gatewayURL, db, w.diglot)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			floors, ours = append(floors, floor.perSecond()), append(ours, diglot.perSecond())
			ratios = append(ratios, diglot.perSecond()/floor.perSecond())
			o, pg := floor.perRequest()
			floorOwn, floorPostgres = append(floorOwn, o), append(floorPostgres, pg)
			o, pg = diglot.perRequest()
			own, postgres = append(own, o), append(postgres, pg)
		}
		least, mid, most := spread(ratios)
		_, _ = fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.2f (%.2f to %.2f)\t%s\t%.0f + %.0f µs\t%.0f + %.0f µs\t\n", w.name, median(floors), median(ours),
			mid, least, most, w.goal, median(floorOwn), median(floorPostgres), median(own), median(postgres))
	}
	return t.Flush()
}

// growth prints how a read's latency grows with the number of servers.
func (p plan) growth(ctx context.Context, small, large *database) error {
	read := workloads()[0]
	var ratios, fews, manys []float64
	for range p.rounds {
		few, err := p.drive(ctx, 2, small.gatewayURL, small, read.diglot)
		if err != nil {
			return err
		}
		many, err := p.drive(ctx, 2, large.gatewayURL, large, read.diglot)
		if err != nil {
			return err
		}
		fews, manys = append(fews, few.p50()), append(manys, many.p50())
		ratios = append(ratios, many.p50()/few.p50())
	}
	least, mid, most := spread(ratios)
	say("\np50 of a read, 2 connections: %.0f µs with %d servers, %.0f µs with %d: %.2f (%.2f to %.2f), goal at most 1.25",
		median(fews), p.tenants, median(manys), p.tenants*p.perTenant, mid, least, most)
	return nil
}

// profiled runs do, its CPU profile written to a file where one is named.
func profiled(file string, do func() error) (err error) {
	if file == "" {
		return do()
	}
	f, err := os.Create(file) //nolint:gosec // the developer names it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return do()
}

func say(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...)
}
