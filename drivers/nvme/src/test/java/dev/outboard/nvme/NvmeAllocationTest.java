package dev.outboard.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.CompletionHandler;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests allocate nothing: however they name their data, ring, and end. */
@Timeout(60)
class NvmeAllocationTest {
    private static final int ROUNDS = 3_000;
    private static final int DEPTH = 32;

    private int ended;

    @ParameterizedTest
    @CsvSource({"true,true", "true,false", "false,true", "false,false"})
    void shouldAllocateNothing(boolean mayUseSgl, boolean hasShadows) {
        try (FakeController controller = new FakeController()) {
            if (hasShadows) {
                controller.takeDoorbellBuffers();
            }
            controller.isSignalling = false;
            NvmeOptions options =
                    mayUseSgl ? NvmeOptions.DEFAULT : NvmeOptions.DEFAULT.withoutSgl();
            try (NvmeDisk disk = Nvme.start(controller, options);
                    DmaMemory memory = controller.physical.allocate(1 << 20)) {
                controller.isSignalling = false;
                // Some fail and are sent again: that allocates nothing either.
                var count = new int[1];
                controller.fate = (queue, opcode, id) -> ++count[0] % 7 == 0 ? 6 : 0;
                CompletionHandler handler = (tag, status) -> ended++;
                burst(controller, disk.queue(0), memory, handler, hasShadows);
                var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
                long before = threads.getCurrentThreadAllocatedBytes();
                ended = 0;
                burst(controller, disk.queue(0), memory, handler, hasShadows);
                long allocated = threads.getCurrentThreadAllocatedBytes() - before;
                assertThat(ended).isEqualTo(ROUNDS * DEPTH);
                assertThat(allocated).as("bytes allocated").isLessThan(ROUNDS);
            }
        }
    }

    private void burst(
            FakeController controller,
            BlockQueue queue,
            DmaMemory memory,
            CompletionHandler handler,
            boolean hasShadows) {
        for (int round = 0; round < ROUNDS; round++) {
            int asked = ended;
            for (int slot = 0; slot < DEPTH; slot++) {
                boolean taken =
                        switch (slot & 7) {
                            case 0 -> queue.write(slot * 8L, memory, slot * 4096L, 4096, slot);
                            case 1 -> queue.read(slot, memory, slot * 4096L, 16384, slot);
                            case 2 -> queue.read(slot, memory, slot * 4096L + 512, 8192, slot);
                            case 3 -> queue.writeZeroes(slot, 4096, slot);
                            case 4 -> queue.discard(slot, 4096, slot);
                            case 5 -> queue.flush(slot);
                            default -> queue.read(slot * 8L, memory, slot * 4096L, 4096, slot);
                        };
                if (!taken) {
                    throw new IllegalStateException("no room at " + slot);
                }
            }
            queue.submit();
            for (int looks = 0; ended < asked + DEPTH; looks++) {
                if (looks > 10_000) {
                    throw new IllegalStateException(queue.pending() + " requests do not end");
                }
                if (hasShadows) {
                    controller.look(1);
                }
                if (queue.poll(handler, DEPTH) == 0) {
                    queue.await(0);
                }
            }
        }
    }
}
