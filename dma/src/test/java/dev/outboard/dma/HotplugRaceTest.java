package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.iommu.Translation;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Memory that goes while a driver, on a thread of its own, maps that very memory. */
final class HotplugRaceTest {
    private static final long BYTES = 2 << 20;
    private static final int ROUNDS = 60;
    private static final int LENGTH = 8192;
    private static final DomainOptions OPTIONS = DomainOptions.DEFAULT.withTableEntries(16384);

    @TempDir Path directory;

    /** Maps and unmaps a buffer as fast as it can; what is refused is tried again. */
    private static final class Driver {
        private final Dma dma;
        private final AtomicLong maps = new AtomicLong();
        private final AtomicReference<Throwable> failure = new AtomicReference<>();
        private volatile long physicalAddress;

        /** The last IOVA of a live mapping, or of the last one. */
        private volatile long lastIova = Dma.NO_IOVA;

        private volatile boolean stopped;

        Driver(Dma dma) {
            this.dma = dma;
        }

        void run() {
            try {
                while (!stopped) {
                    long address = physicalAddress;
                    if (address != 0) {
                        mapOnce(address);
                    }
                }
            } catch (RuntimeException | AssertionError wrong) {
                failure.set(wrong);
            }
        }

        private void mapOnce(long address) {
            long iova;
            try {
                iova = dma.map(address, LENGTH, DmaDirection.BIDIRECTIONAL);
            } catch (IllegalArgumentException gone) {
                return;
            }
            if (iova != Dma.NO_IOVA) {
                lastIova = iova;
                maps.incrementAndGet();
                dma.unmap(iova, LENGTH);
            }
        }
    }

    /**
     * When a forced unplugging returns, no IOVA leads to what is gone: neither one that was mapped,
     * nor one that the driver was about to map.
     */
    @ParameterizedTest
    @EnumSource(value = Strategy.class, mode = EnumSource.Mode.EXCLUDE, names = "OFF")
    void shouldLeaveNothingMappedOfWhatWasForcedAway(Strategy strategy)
            throws InterruptedException {
        try (Bench bench = new Bench(directory, OPTIONS);
                Dma dma = bench.domain.dma(strategy);
                Follower device = new Follower(bench)) {
            Driver driver = new Driver(dma);
            Thread thread = Thread.ofPlatform().start(driver::run);
            for (int round = 0; round < ROUNDS; round++) {
                force(bench, dma, driver);
            }
            driver.stopped = true;
            thread.join();
            assertThat(driver.failure.get()).isNull();
            assertThat(dma.statistics().liveMappings()).isZero();
            assertThat(driver.maps).hasPositiveValue();
            assertThat(device).isNotNull();
        }
    }

    private static void force(Bench bench, Dma dma, Driver driver) throws InterruptedException {
        PhysicalSegment segment = bench.memory.plug(BYTES, PageKind.BASE);
        DmaMemory buffer = bench.memory.allocate(LENGTH, segment);
        if (dma.strategy() == Strategy.GRANTED) {
            dma.grant(buffer.physicalAddress(), LENGTH, DmaDirection.BIDIRECTIONAL);
        }
        long before = driver.maps.get();
        driver.physicalAddress = buffer.physicalAddress();
        while (driver.maps.get() < before + 50 && driver.failure.get() == null) {
            Thread.onSpinWait();
        }
        bench.memory.unplug(segment.physicalAddress(), BYTES, Unplug.FORCE);
        FrameRange gone = FrameRange.of(segment);
        for (long page = 1; page < bench.domain.table().pages(); page++) {
            long frame = frameAt(bench, page);
            assertThat(frame < gone.first() || frame >= gone.end())
                    .as("page 0x%x leads to frame 0x%x", page, frame)
                    .isTrue();
        }
        driver.physicalAddress = 0;
        buffer.close();
    }

    private static long frameAt(Bench bench, long page) {
        long translation = bench.domain.table().walk(page);
        return translation == Translation.NONE ? -1 : Translation.pageFrame(translation);
    }

    /**
     * Without force, either it is refused and the driver notices nothing, or nothing was in use:
     * whatever was unplugged was nobody's.
     */
    @ParameterizedTest
    @EnumSource(value = Strategy.class, mode = EnumSource.Mode.EXCLUDE, names = "OFF")
    void shouldRefuseOrFindNobodyThereWhileBuffersComeAndGo(Strategy strategy)
            throws InterruptedException {
        try (Bench bench = new Bench(directory, OPTIONS);
                Dma dma = bench.domain.dma(strategy);
                Follower device = new Follower(bench)) {
            AtomicReference<PhysicalSegment> newest = new AtomicReference<>();
            AtomicReference<Throwable> failure = new AtomicReference<>();
            AtomicLong buffers = new AtomicLong();
            Thread thread =
                    Thread.ofPlatform().start(() -> churn(bench, dma, newest, failure, buffers));
            int refused = 0;
            for (int round = 0; round < ROUNDS; round++) {
                PhysicalSegment segment = bench.memory.plug(BYTES, PageKind.BASE);
                newest.set(segment);
                long before = buffers.get();
                while (buffers.get() < before + 3 && failure.get() == null) {
                    Thread.onSpinWait();
                }
                boolean gone = false;
                while (!gone) {
                    try {
                        bench.memory.unplug(segment.physicalAddress(), BYTES, Unplug.REFUSE);
                        gone = true;
                    } catch (MemoryInUseException inUse) {
                        refused++;
                    }
                }
            }
            newest.set(null);
            thread.join();
            assertThat(failure.get()).isNull();
            assertThat(refused).isNotNegative();
            assertThat(device).isNotNull();
        }
    }

    /** Allocates from the newest memory, uses it, and gives it back, until there is none. */
    private static void churn(
            Bench bench,
            Dma dma,
            AtomicReference<PhysicalSegment> newest,
            AtomicReference<Throwable> failure,
            AtomicLong buffers) {
        boolean begun = false;
        try {
            while (!begun || newest.get() != null) {
                PhysicalSegment segment = newest.get();
                if (segment == null) {
                    continue;
                }
                begun = true;
                try (DmaMemory buffer = bench.memory.allocate(LENGTH, segment)) {
                    use(dma, buffer);
                    buffers.incrementAndGet();
                } catch (OutOfDmaMemoryException gone) {
                    // It goes, or has gone: the next one comes.
                    continue;
                }
            }
        } catch (RuntimeException | AssertionError | InternalError wrong) {
            failure.set(wrong);
        }
    }

    private static void use(Dma dma, DmaMemory buffer) {
        Grant grant = dma.grant(buffer.physicalAddress(), LENGTH, DmaDirection.BIDIRECTIONAL);
        long iova = dma.map(buffer.physicalAddress(), LENGTH, DmaDirection.BIDIRECTIONAL);
        assertThat(iova).isNotEqualTo(Dma.NO_IOVA);
        buffer.memory().set(ValueLayout.JAVA_LONG, 0, iova);
        assertThat(buffer.memory().get(ValueLayout.JAVA_LONG, 0)).isEqualTo(iova);
        dma.unmap(iova, LENGTH);
        grant.close();
    }
}
