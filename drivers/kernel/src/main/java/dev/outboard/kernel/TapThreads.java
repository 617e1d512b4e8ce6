package dev.outboard.kernel;

import dev.outboard.driver.ClientContext;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.uio.Waits;
import dev.outboard.uio.net.TapInterface;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The threads of an interface, one a pair: the first pair's is the client's own. If one fails, all
 * end, and its failure is the client's.
 */
final class TapThreads {
    private final ClientContext context;
    private final List<TapPair> pairs = new ArrayList<>();
    private final AtomicReference<RuntimeException> failure = new AtomicReference<>();

    TapThreads(TapInterface tap, NetworkService network, ClientContext context, int offloads) {
        this.context = context;
        for (int pair = 0; pair < network.queuePairs(); pair++) {
            pairs.add(new TapPair(tap.queue(pair), network, pair, context, offloads));
        }
    }

    /** Runs all of them until told to stop. */
    void run() {
        List<Thread> others = new ArrayList<>();
        try {
            for (int pair = 1; pair < pairs.size(); pair++) {
                TapPair mine = pairs.get(pair);
                others.add(
                        Thread.ofPlatform()
                                .name(context.device().name() + " pair " + pair)
                                .start(() -> run(mine)));
            }
            context.ready();
            run(pairs.getFirst());
        } finally {
            others.forEach(Waits::forEnd);
            report();
        }
        if (failure.get() != null) {
            throw failure.get();
        }
    }

    private void run(TapPair pair) {
        try {
            pair.run(this::isStopping);
        } catch (RuntimeException failed) {
            failure.compareAndSet(null, failed);
        }
    }

    private boolean isStopping() {
        return failure.get() != null || context.isStopping();
    }

    private void report() {
        context.result("queues", pairs.size());
        for (Counts.Kind kind : Counts.Kind.values()) {
            context.result(
                    kind.word(), pairs.stream().mapToLong(pair -> pair.counts().get(kind)).sum());
        }
    }
}
