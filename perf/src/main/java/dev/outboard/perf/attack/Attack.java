package dev.outboard.perf.attack;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.StrategyOptions;
import dev.outboard.host.cli.CommandException;
import dev.outboard.host.cli.StopRequest;
import dev.outboard.host.process.OutboardProcess;
import dev.outboard.iommu.TableFormat;
import dev.outboard.perf.setup.IovaFile;
import dev.outboard.perf.setup.Owner;
import dev.outboard.perf.setup.Processors;
import dev.outboard.perf.setup.Seat;
import dev.outboard.perf.setup.Workplace;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/**
 * One attack: the processes around it, and the driver's thread in this one.
 *
 * @param promise what it is judged by; that of the strategy, or a stricter one
 * @param service wraps the mapping service: so that a test can put a mistake into it
 */
record Attack(
        TableFormat format,
        StrategyOptions strategy,
        Owner owner,
        Promise promise,
        long mappings,
        long seed,
        UnaryOperator<Dma> service) {
    private static final int POOL_PAGES = 512;
    private static final int PAGE_BYTES = 4096;
    private static final long ATTACH_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** Runs it; a request to stop ends it early. */
    Verdict run(StopRequest stop) {
        try (var place = new Workplace("attack", stop)) {
            var device =
                    place.start(
                            "the hostile device",
                            List.of(
                                    "attack-device",
                                    "--iommu",
                                    place.iommu().toString(),
                                    "--board",
                                    place.path("board").toString(),
                                    "--pages",
                                    Integer.toString(BoardDescriptor.MOST_PAGES),
                                    "--seed",
                                    Long.toString(seed)));
            var options =
                    DomainOptions.DEFAULT
                            .withFormat(format)
                            .withTableEntries(BoardDescriptor.MOST_PAGES);
            // The driver's memory, the board, and room for shadows.
            long bytes = 8L * POOL_PAGES * PAGE_BYTES;
            try (var seat = Seat.open(owner, place.seat(owner), bytes, options)) {
                return onItsOwnThread(
                        () -> drive(seat, new IovaFile(place.path("board")), device, stop));
            }
        }
    }

    private Verdict drive(Seat seat, IovaFile file, OutboardProcess device, StopRequest stop) {
        Processors.pinDriver(0);
        try (var dma = seat.domain().dma(strategy);
                var memory = seat.memory().allocate((long) POOL_PAGES * PAGE_BYTES)) {
            var driver =
                    new DriverUnderAttack(
                            service.apply(dma),
                            memory,
                            BoardDescriptor.MOST_PAGES,
                            promise,
                            file,
                            seed,
                            stop::isStopping);
            if (!seat.domain().awaitAttached(ATTACH_NANOS)) {
                throw new CommandException(
                        "the hostile device did not attach in time: "
                                + (device.isAlive() ? "it still tries" : device.errorOutput()));
            }
            return driver.run(mappings);
        }
    }

    /** A pinned thread hands its processor down to the processes it starts: so none is this one. */
    private static Verdict onItsOwnThread(java.util.concurrent.Callable<Verdict> work) {
        var task = new FutureTask<>(work);
        Thread.ofPlatform().daemon().name("driver").start(task);
        try {
            return task.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandException("interrupted during the attack", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new CommandException("the driver failed: " + e.getCause(), e.getCause());
        }
    }
}
