package dev.outboard.uio;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.outboard.uio.pci.NodeRegisters;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The calls of the data path allocate nothing: measured, once they are compiled. */
final class AllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int ROUNDS = 20_000;

    /** The compiler needs its time, and on a busy machine more of it. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** A line that is never masked and has no work of its own. */
    private static final class Line implements InterruptLine {
        @Override
        public boolean unmask() {
            return false;
        }

        @Override
        public void mask() {}

        @Override
        public boolean isPending() {
            return false;
        }
    }

    private static long allocated(Runnable step) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < ROUNDS; i++) {
            step.run();
        }
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }

    /** Code that is not compiled yet may allocate; compiled, a whole attempt must not, at all. */
    private static void assertAllocatesNothing(Runnable step) {
        long start = System.nanoTime();
        long cost = allocated(step);
        while (cost > 0 && System.nanoTime() - start < PATIENCE_NANOS) {
            cost = allocated(step);
        }
        assertThat(cost).as("bytes in %d rounds", ROUNDS).isZero();
    }

    @Test
    void shouldNotAllocateToSignalAndDrain() {
        try (EventDescriptor event = EventDescriptor.create()) {
            assertAllocatesNothing(
                    () -> {
                        event.signal();
                        event.await(0);
                        event.drain();
                        event.drain();
                    });
        }
    }

    @Test
    void shouldNotAllocateToWaitForAnInterrupt() {
        EventDescriptor event = EventDescriptor.create();
        WaitPolicy policy = new WaitPolicy(500, false);
        try (Interrupt interrupt = Interrupt.open("allocation", new Line(), event, policy)) {
            assertAllocatesNothing(
                    () -> {
                        event.signal();
                        interrupt.await(-1);
                        interrupt.await(0);
                        interrupt.arm();
                        interrupt.acknowledge();
                    });
            assertThat(interrupt.count()).isPositive();
        }
    }

    @Test
    void shouldNotAllocateToWaitWithOthers() {
        try (EventDescriptor event = EventDescriptor.create();
                Epoll epoll = Epoll.create()) {
            epoll.add(event.descriptor(), Epoll.READABLE, 1);
            int[] seen = new int[1];
            Epoll.ReadyHandler handler = (token, events) -> seen[0] += token;
            assertAllocatesNothing(
                    () -> {
                        event.signal();
                        epoll.await(-1, handler);
                        event.drain();
                        epoll.await(0, handler);
                    });
            assertThat(seen[0]).isPositive();
        }
    }

    @Test
    void shouldNotAllocateToFillAList() {
        MemorySegment memory = Arena.ofAuto().allocate(4096);
        try (IoVector pieces = IoVector.allocate(4)) {
            assertAllocatesNothing(
                    () -> {
                        pieces.clear();
                        pieces.add(memory, 0, 100);
                        pieces.add(memory, 200, 100);
                    });
        }
    }

    /** A file stands for a device's registers; it refuses an ioctl, by an answer. */
    @Test
    void shouldNotAllocateToAskADevice(@TempDir Path directory) throws IOException {
        Path file = Files.write(directory.resolve("registers"), new byte[4096]);
        try (DeviceNode node = DeviceNode.open(file);
                Arena arena = Arena.ofConfined()) {
            var registers = new NodeRegisters(node, "registers", 0, 4096);
            MemorySegment structure = arena.allocate(32, 8);
            assertAllocatesNothing(
                    () -> {
                        registers.putInt(64, 5);
                        registers.getLong(64);
                        node.control(0x3b71, structure);
                    });
            assertThat(registers.getInt(64)).isEqualTo(5);
            assertThat(node.control(0x3b71, structure)).isNegative();
        }
    }
}
