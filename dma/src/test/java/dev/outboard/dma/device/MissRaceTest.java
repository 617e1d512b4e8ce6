package dev.outboard.dma.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.Strategy;
import dev.outboard.iommu.Access;
import dev.outboard.uio.vhost.IotlbMessage;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A miss is answered while another thread unmaps: the device must never be told of a page whose
 * unmapping has returned, or it would keep it for good.
 */
@Timeout(60)
final class MissRaceTest {
    private static final int PAGE = 4096;
    private static final int ROUNDS = 6_000;
    private static final int PAGES = 8192;

    @TempDir Path directory;

    /** By page: 1 from before it is mapped until its unmapping has returned. */
    private final AtomicLongArray live = new AtomicLongArray(PAGES);

    private final AtomicReference<String> violation = new AtomicReference<>();

    @Test
    void shouldNeverTellOfAPageWhoseUnmappingHasReturned() throws InterruptedException {
        long seed = System.nanoTime();
        System.out.println("MissRaceTest seed=" + seed);
        Random random = new Random(seed);
        try (Fed fed = new Fed(directory).attach();
                Dma dma = fed.domain.dma(Strategy.STRICT);
                DmaMemory memory = dma.allocate(PAGE)) {
            fed.domain.onFault(fault -> {});
            fed.device.onMessage = this::check;
            AtomicLongArray asked = new AtomicLongArray(1);
            Thread misser =
                    Thread.ofPlatform()
                            .daemon()
                            .start(
                                    () -> {
                                        while (!Thread.currentThread().isInterrupted()) {
                                            fed.device.miss(asked.get(0), Access.READ);
                                        }
                                    });
            for (int round = 0; round < ROUNDS && violation.get() == null; round++) {
                // Pages that adjoin: an answer for one tells of the other.
                long first = map(dma, memory);
                long second = map(dma, memory);
                asked.set(0, random.nextBoolean() ? first : second);
                for (int pause = random.nextInt(2_000); pause > 0; pause--) {
                    Thread.onSpinWait();
                }
                unmap(dma, random.nextBoolean() ? first : second, first, second);
            }
            misser.interrupt();
            misser.join();
            dma.flush();
            assertThat(violation.get()).as("seed=" + seed).isNull();
            assertThat(fed.device.iotlb).as("seed=" + seed).isEmpty();
            assertThat(fed.domain.statistics().counters().misses()).isPositive();
        }
    }

    private void check(IotlbMessage message) {
        if (message.type() == IotlbMessage.UPDATE) {
            long first = message.iova() / PAGE;
            for (long page = first; page < first + message.lengthBytes() / PAGE; page++) {
                if (live.get((int) page) == 0) {
                    violation.compareAndSet(null, "told of page " + page + ": " + message);
                }
            }
        }
    }

    private long map(Dma dma, DmaMemory memory) {
        // The allocator decides on the page, and pushes it in the same call: all free ones may
        // live.
        for (int page = 0; page < PAGES; page++) {
            live.compareAndSet(page, 0, 2);
        }
        long iova = dma.map(memory.physicalAddress(), PAGE, DmaDirection.TO_DEVICE);
        live.set((int) (iova / PAGE), 1);
        for (int page = 0; page < PAGES; page++) {
            live.compareAndSet(page, 2, 0);
        }
        return iova;
    }

    private void unmap(Dma dma, long chosen, long first, long second) {
        dma.unmap(chosen, PAGE);
        live.set((int) (chosen / PAGE), 0);
        long other = chosen == first ? second : first;
        dma.unmap(other, PAGE);
        live.set((int) (other / PAGE), 0);
    }
}
