package dev.outboard.uio.generic;

import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.nativecall.ErrorNames;
import dev.outboard.uio.pci.ConfigurationDescriptor;
import dev.outboard.uio.pci.ConfigurationSpace;
import dev.outboard.uio.pci.LinePump;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The interrupts of a function behind UIO. The kernel masks the line with each of them; it is
 * unmasked by writing 1 to the node, and where the kernel's driver does not know that, as {@code
 * uio_pci_generic} does not, by the command register.
 *
 * <p>One thread but for {@link #mask}; the pump's thread takes what came.
 */
final class UioLine implements AutoCloseable {
    private final String name;
    private final DeviceNode node;
    private final ConfigurationSpace configuration;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
    private final MemorySegment order = arena.allocate(ValueLayout.JAVA_INT);
    private final boolean masksByNode;

    /** As the kernel counts, modulo 2^32. The pump's thread. */
    private int seen;

    private boolean isFirst = true;
    private volatile long missed;
    private LinePump pump;
    private boolean closed;

    /**
     * The line, masked.
     *
     * @param node and {@code configuration}: stay their owner's
     */
    UioLine(String name, DeviceNode node, ConfigurationSpace configuration) {
        this.name = name;
        this.node = node;
        this.configuration = configuration;
        masksByNode = write(false);
        mask(true);
    }

    /** False where the kernel's driver does not mask. */
    private boolean write(boolean isUnmasked) {
        order.set(ValueLayout.JAVA_INT, 0, isUnmasked ? 1 : 0);
        long answer = node.write(order, 0);
        if (answer == -ErrorNames.ENOSYS || answer == -ErrorNames.EIO) {
            return false;
        }
        if (answer < 0) {
            throw DeviceNode.failure("write", answer, node.name());
        }
        return true;
    }

    /** Masks or unmasks. Any thread. */
    synchronized void mask(boolean isMasked) {
        if (closed) {
            return;
        }
        if (masksByNode) {
            write(!isMasked);
            return;
        }
        long command = configuration.read(ConfigurationDescriptor.COMMAND, Short.BYTES);
        long bit = ConfigurationDescriptor.COMMAND_INTX_DISABLE;
        configuration.write(
                ConfigurationDescriptor.COMMAND,
                Short.BYTES,
                isMasked ? command | bit : command & ~bit);
    }

    /** As {@link dev.outboard.uio.pci.PciFunction#signal}. */
    void signal(List<EventDescriptor> events) {
        if (pump != null) {
            pump.close();
            pump = null;
        }
        if (!events.isEmpty()) {
            pump = LinePump.start(name, node.descriptor(), this::take, events);
        }
    }

    /** Interrupts since the last look. The kernel's count is of all since it has the device. */
    private long take() {
        long answer = node.read(count, 0);
        if (answer != Integer.BYTES) {
            return 0;
        }
        int now = count.get(ValueLayout.JAVA_INT, 0);
        long since = isFirst ? 1 : Integer.toUnsignedLong(now - seen);
        isFirst = false;
        seen = now;
        if (since > 1) {
            missed += since - 1;
        }
        return since;
    }

    /** Interrupts that came while nobody looked, told by the gaps in the kernel's count. */
    long missed() {
        return missed;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        signal(List.of());
        synchronized (this) {
            try {
                mask(true);
            } finally {
                closed = true;
                arena.close();
            }
        }
    }
}
