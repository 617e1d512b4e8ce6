package dev.outboard.iommu;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Owner and device as two threads: after a flush, a page belongs to the owner alone.
 *
 * <pre>
 *   owner:  map ─► (device may write) ─► clear, request, fence, wait ─► write a token, read it back
 *   device: enter ─► translate, write to the page if allowed ─► exit, for ever
 * </pre>
 */
final class FlushProtocolTest {
    private static final int ENTRIES = 8192;
    private static final int PAGES = 8;
    private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

    @ParameterizedTest
    @ValueSource(strings = {"calgary", "dart"})
    @Timeout(30)
    void shouldKeepTheDeviceOutOfAPageOnceFlushed(String title) throws InterruptedException {
        TceFormat format = (TceFormat) TableFormat.ofTitle(title);
        long seed = System.nanoTime();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment page = arena.allocate(ControlPageDescriptor.LENGTH_BYTES, IoPage.BYTES);
            MemorySegment entries =
                    arena.allocate((long) ENTRIES * format.entryBytes(), IoPage.BYTES);
            MemorySegment memory = arena.allocate((long) PAGES * IoPage.BYTES, IoPage.BYTES);
            TceTable table = new TceTable(format, entries, ENTRIES);
            InvalidationLane owner = new OwnerControl(page).lane(0);
            AtomicBoolean stop = new AtomicBoolean();
            AtomicLong writes = new AtomicLong();
            Thread device =
                    Thread.ofPlatform()
                            .start(() -> runDevice(table, page, memory, seed, stop, writes));
            try {
                Random random = new Random(seed);
                long started = System.nanoTime();
                // On a machine that is busy with other things, longer: until the device had
                // chances.
                for (long token = 1;
                        System.nanoTime() - started < 1_000_000_000L
                                || writes.get() <= 100
                                        && System.nanoTime() - started < 10_000_000_000L;
                        token++) {
                    int frame = random.nextInt(PAGES);
                    table.map(1 + frame, frame, 1, Access.READ_WRITE);
                    awaitWrites(writes, writes.get() + random.nextInt(3));
                    table.clear(1 + frame, 1);
                    owner.request(1 + frame, 1);
                    VarHandle.fullFence();
                    while (!owner.isSettled()) {
                        Thread.onSpinWait();
                    }
                    long offset = (long) frame * IoPage.BYTES;
                    WORD.setVolatile(memory, offset, -token);
                    for (int look = 0; look < 20; look++) {
                        assertThat((long) WORD.getVolatile(memory, offset))
                                .as("seed=%d token=%d", seed, token)
                                .isEqualTo(-token);
                    }
                }
            } finally {
                stop.set(true);
                device.join();
            }
            assertThat(writes.get()).as("the device did reach pages").isGreaterThan(100);
        }
    }

    /** Lets the device get in, where it can: with the processors busy, not for ever. */
    private static void awaitWrites(AtomicLong writes, long goal) {
        for (int look = 0; look < 2_000 && writes.get() < goal; look++) {
            Thread.onSpinWait();
        }
    }

    private static void runDevice(
            TceTable table,
            MemorySegment page,
            MemorySegment memory,
            long seed,
            AtomicBoolean stop,
            AtomicLong writes) {
        Translator translator =
                new Translator(table, page, new IotlbGeometry(4, 2, Replacement.LRU));
        Random random = new Random(seed + 1);
        while (!stop.get()) {
            translator.enter();
            for (int access = 0; access < 4; access++) {
                long iova = (1 + random.nextInt(PAGES)) * (long) IoPage.BYTES;
                long physical = translator.translate(iova, Access.WRITE);
                if (physical >= 0) {
                    WORD.setVolatile(memory, physical, 1L);
                    writes.incrementAndGet();
                }
            }
            translator.exit();
        }
    }

    @Test
    void shouldNotBeSettledWhileTheDeviceIsInsideAndBehind() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment page = arena.allocate(ControlPageDescriptor.LENGTH_BYTES, IoPage.BYTES);
            MemorySegment entries = arena.allocate(ENTRIES * 8L, IoPage.BYTES);
            Translator translator =
                    new Translator(
                            new TceTable(CalgaryFormat.INSTANCE, entries, ENTRIES),
                            page,
                            IotlbGeometry.DEFAULT);
            InvalidationLane owner = new OwnerControl(page).lane(0);
            translator.enter();
            owner.requestAll();
            assertThat(owner.isSettled()).isFalse();
            // A device that claims a generation nobody asked for is not believed.
            page.set(
                    ValueLayout.JAVA_LONG,
                    ControlPageDescriptor.COMPLETED_OFFSET,
                    owner.requested() + 1);
            assertThat(owner.isSettled()).isFalse();
        }
    }
}
