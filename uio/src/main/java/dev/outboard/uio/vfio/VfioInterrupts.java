package dev.outboard.uio.vfio;

import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.nativecall.ErrorNames;
import dev.outboard.uio.pci.LinePump;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The interrupts of a function: of MSI-X if it has it, else MSI, else its line. One thread but for
 * {@link #mask}.
 */
final class VfioInterrupts implements AutoCloseable {
    private static final int NONE = -1;

    /** Of MSI-X. */
    private static final int MOST_VECTORS = 2048;

    private final DeviceNode node;
    private final String name;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment mask = lineAction(VfioDescriptor.SET_MASK);
    private final MemorySegment unmask = lineAction(VfioDescriptor.SET_UNMASK);
    private int index = NONE;
    private int count;
    private boolean canGrow;
    private List<EventDescriptor> signalled = List.of();
    private EventDescriptor line;
    private LinePump pump;
    private boolean closed;

    /**
     * Looks what there is.
     *
     * @param node stays its owner's
     * @param kinds how many kinds of interrupts the function has
     */
    VfioInterrupts(DeviceNode node, String name, int kinds) {
        this.node = node;
        this.name = name;
        for (int kind = VfioDescriptor.MSIX; kind >= VfioDescriptor.INTX && index == NONE; kind--) {
            if (kind < kinds) {
                look(kind);
            }
        }
    }

    private void look(int kind) {
        if (kind == NONE) {
            return;
        }
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment info = info(scratch, kind);
            int flags = info.get(VfioDescriptor.U32, 4);
            int found = info.get(VfioDescriptor.U32, VfioDescriptor.IRQ_COUNT);
            if ((flags & VfioDescriptor.IRQ_EVENTFD) != 0 && found > 0) {
                index = kind;
                count = Math.min(found, MOST_VECTORS);
                canGrow = (flags & VfioDescriptor.IRQ_FIXED_COUNT) == 0;
            }
        }
    }

    private MemorySegment info(Arena scratch, int kind) {
        return Questions.ask(
                scratch,
                node,
                "VFIO_DEVICE_GET_IRQ_INFO",
                VfioDescriptor.DEVICE_GET_IRQ_INFO,
                VfioDescriptor.IRQ_BYTES,
                kind);
    }

    /** Has one kind used and no other: for who tries each. Before anything is signalled. */
    void choose(int kind) {
        if (!signalled.isEmpty()) {
            throw new IllegalStateException(name + " signals already");
        }
        int before = index;
        index = NONE;
        look(kind);
        if (index == NONE) {
            look(before);
            throw new IllegalArgumentException(
                    "%s has no interrupts of kind %d".formatted(name, kind));
        }
    }

    int count() {
        return count;
    }

    boolean isLine() {
        return index == VfioDescriptor.INTX;
    }

    /** As {@link dev.outboard.uio.pci.PciFunction#signal}. */
    void signal(List<EventDescriptor> events) {
        if (events.size() > count && !(isLine() && count > 0)) {
            throw new IllegalArgumentException(
                    "%s has %d interrupt vectors, not %d".formatted(name, count, events.size()));
        }
        if (index == NONE) {
            return;
        }
        if (isLine()) {
            signalByLine(events);
            return;
        }
        int kept = signalled.size();
        boolean grows =
                canGrow
                        && kept > 0
                        && events.size() > kept
                        && events.subList(0, kept).equals(signalled);
        if (grows) {
            set(kept, events.subList(kept, events.size()));
        } else {
            silence();
            if (!events.isEmpty()) {
                set(0, events);
            }
        }
        signalled = List.copyOf(events);
    }

    private void signalByLine(List<EventDescriptor> events) {
        silence();
        if (events.isEmpty()) {
            return;
        }
        line = EventDescriptor.create();
        signalled = List.copyOf(events);
        pump = LinePump.start(name, line.descriptor(), line::drain, events);
        set(0, List.of(line));
    }

    /** Has the kernel write to events when vectors come; one call for all. */
    private void set(int first, List<EventDescriptor> events) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment set =
                    structure(
                            scratch,
                            VfioDescriptor.SET_EVENTS | VfioDescriptor.SET_TRIGGER,
                            index,
                            first,
                            events.size(),
                            Integer.BYTES);
            for (int vector = 0; vector < events.size(); vector++) {
                set.set(
                        VfioDescriptor.U32,
                        VfioDescriptor.SET_BYTES + (long) vector * Integer.BYTES,
                        events.get(vector).descriptor().number());
            }
            int answer = node.control(VfioDescriptor.DEVICE_SET_IRQS, set);
            // More than zero: so many could be had.
            if (answer > 0 || answer == -ErrorNames.ENOSPC) {
                throw new VfioException(
                        "the kernel has no %d interrupt vectors for %s%s: take fewer queues"
                                .formatted(
                                        first + events.size(),
                                        name,
                                        answer > 0 ? " but " + answer : ""));
            }
            Questions.require(answer, node, "VFIO_DEVICE_SET_IRQS");
        }
    }

    private void silence() {
        if (!signalled.isEmpty()) {
            signalled = List.of();
            Questions.require(tearDown(), node, "VFIO_DEVICE_SET_IRQS");
        }
        if (pump != null) {
            pump.close();
            pump = null;
        }
        if (line != null) {
            line.close();
            line = null;
        }
    }

    /** No vectors and no data: the kernel takes the whole kind down. */
    private int tearDown() {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment set =
                    structure(
                            scratch,
                            VfioDescriptor.SET_NO_DATA | VfioDescriptor.SET_TRIGGER,
                            index,
                            0,
                            0,
                            0);
            return node.control(VfioDescriptor.DEVICE_SET_IRQS, set);
        }
    }

    /** Raises one without the device. */
    void raise(int vector) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment set =
                    structure(
                            scratch,
                            VfioDescriptor.SET_BOOLEANS | VfioDescriptor.SET_TRIGGER,
                            index,
                            vector,
                            1,
                            Byte.BYTES);
            set.set(ValueLayout.JAVA_BYTE, VfioDescriptor.SET_BYTES, (byte) 1);
            Questions.require(
                    node.control(VfioDescriptor.DEVICE_SET_IRQS, set),
                    node,
                    "VFIO_DEVICE_SET_IRQS");
        }
    }

    /**
     * Has a kind of interrupts that says something of the function itself written to an event.
     *
     * @return whether there is such a kind
     */
    boolean notify(int kind, EventDescriptor event) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment set =
                    structure(
                            scratch,
                            VfioDescriptor.SET_EVENTS | VfioDescriptor.SET_TRIGGER,
                            kind,
                            0,
                            1,
                            Integer.BYTES);
            set.set(VfioDescriptor.U32, VfioDescriptor.SET_BYTES, event.descriptor().number());
            return node.control(VfioDescriptor.DEVICE_SET_IRQS, set) == 0;
        }
    }

    /** Masks or unmasks the line. Any thread; allocates nothing. */
    void mask(boolean isMasked) {
        if (isLine() && !closed) {
            Questions.require(
                    node.control(VfioDescriptor.DEVICE_SET_IRQS, isMasked ? mask : unmask),
                    node,
                    "VFIO_DEVICE_SET_IRQS");
        }
    }

    private MemorySegment lineAction(int action) {
        return structure(arena, VfioDescriptor.SET_NO_DATA | action, VfioDescriptor.INTX, 0, 1, 0);
    }

    private static MemorySegment structure(
            Arena arena, int flags, int index, int first, int count, int elementBytes) {
        int length = VfioDescriptor.SET_BYTES + count * elementBytes;
        MemorySegment set = arena.allocate(length, Long.BYTES);
        set.set(VfioDescriptor.U32, 0, length);
        set.set(VfioDescriptor.U32, 4, flags);
        set.set(VfioDescriptor.U32, 8, index);
        set.set(VfioDescriptor.U32, 12, first);
        set.set(VfioDescriptor.U32, 16, count);
        return set;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            try {
                silence();
            } finally {
                arena.close();
            }
        }
    }
}
