package dev.outboard.kernel;

import dev.outboard.driver.ClientContext;
import dev.outboard.uio.Waits;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The threads of an interface, one a pair: the first pair's is the client's own. If one fails, all
 * end, and its failure is the client's.
 */
final class JointThreads {
    private final ClientContext context;
    private final List<? extends Joint> pairs;
    private final AtomicReference<RuntimeException> failure = new AtomicReference<>();

    JointThreads(List<? extends Joint> pairs, ClientContext context) {
        this.pairs = pairs;
        this.context = context;
    }

    /** Runs all of them until told to stop. */
    void run() {
        List<Thread> others = new ArrayList<>();
        try {
            for (int pair = 1; pair < pairs.size(); pair++) {
                Joint mine = pairs.get(pair);
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

    private void run(Joint pair) {
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
