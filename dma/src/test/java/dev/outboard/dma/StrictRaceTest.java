package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.Access;
import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.Replacement;
import dev.outboard.iommu.TableFormat;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Driver and device race in one process, both compiled to the full: short rounds, so that the
 * fences of the flush matter. {@link CrossProcessTest} does the same between processes, in longer
 * rounds.
 */
final class StrictRaceTest {
    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();
    private static final int PAGES = 8;

    /** How a buffer is unmapped. */
    private enum Way {
        ONE,
        BATCH,
        LATER
    }

    @TempDir Path directory;

    private final AtomicLong named = new AtomicLong();
    private final AtomicLong written = new AtomicLong();
    private volatile boolean stop;

    @ParameterizedTest
    @CsvSource({
        "calgary,ONE",
        "dart,ONE",
        "calgary,BATCH",
        "dart,BATCH",
        "calgary,LATER",
        "dart,LATER"
    })
    @Timeout(30)
    void shouldKeepTheDeviceOutOfAnUnmappedPage(String title, Way way) throws InterruptedException {
        long seed = System.nanoTime();
        DomainOptions options =
                DomainOptions.DEFAULT
                        .withFormat(TableFormat.ofTitle(title))
                        .withTableEntries(8192)
                        .withIotlb(new IotlbGeometry(4, 2, Replacement.FIFO));
        try (Bench bench = new Bench(directory, options);
                Dma dma = bench.domain.dma(Strategy.STRICT);
                DmaMemory buffers = dma.allocate(PAGES * 4096)) {
            Thread device = Thread.ofPlatform().start(() -> chase(bench));
            try {
                drive(dma, buffers, new Random(seed), seed, way);
            } finally {
                stop = true;
                device.join();
            }
            assertThat(written.get()).as("the device did reach pages").isGreaterThan(100);
        }
    }

    private void chase(Bench bench) {
        while (!stop) {
            bench.device.enter();
            for (int burst = 0; burst < 3; burst++) {
                if (bench.device.resolve(named.getAcquire(), 8, Access.WRITE, bench.window)) {
                    WORD.setOpaque(bench.window.memory, bench.window.offset, 1L);
                    written.setRelease(written.getPlain() + 1);
                }
            }
            bench.device.exit();
        }
    }

    private void drive(Dma dma, DmaMemory buffers, Random random, long seed, Way way) {
        long[] iovas = new long[1];
        int[] lengths = {4096};
        long started = System.nanoTime();
        // On a machine that is busy with other things, longer: until the device had its chances.
        for (long round = 1;
                System.nanoTime() - started < TimeUnit.MILLISECONDS.toNanos(1_000)
                        || written.getAcquire() <= 100
                                && System.nanoTime() - started < Bench.TIMEOUT_NANOS;
                round++) {
            long at = random.nextInt(PAGES) * 4096L;
            iovas[0] = dma.map(buffers.physicalAddress() + at, 4096, DmaDirection.BIDIRECTIONAL);
            named.setRelease(iovas[0]);
            long before = written.getAcquire();
            int patience = random.nextInt(2) == 0 ? random.nextInt(30) : 2_000;
            while (patience-- > 0 && written.getAcquire() == before) {
                Thread.onSpinWait();
            }
            switch (way) {
                case ONE -> dma.unmap(iovas[0], 4096);
                case BATCH -> dma.unmapAll(iovas, lengths, 1);
                default -> {
                    long ticket = dma.unmapAllLater(iovas, lengths, 1);
                    while (!dma.isUnmapped(ticket)) {
                        Thread.onSpinWait();
                    }
                }
            }
            WORD.setOpaque(buffers.memory(), at, -round);
            for (int look = 0; look < 20; look++) {
                if ((long) WORD.getOpaque(buffers.memory(), at) != -round) {
                    throw new AssertionError(
                            "seed=%d round=%d: written after unmap".formatted(seed, round));
                }
            }
        }
    }
}
