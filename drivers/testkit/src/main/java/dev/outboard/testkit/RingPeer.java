package dev.outboard.testkit;

import dev.outboard.driver.QueueAddresses;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** The device's side of a ring, byte by byte, so that tests can also lie. */
public final class RingPeer {
    private static final ValueLayout.OfInt INT = VirtqueueDescriptor.U32.withByteAlignment(1);

    private final MemorySegment memory;
    private final long base;
    private final QueueAddresses at;
    private int availableIndex;
    private int usedIndex;

    /** A ring in memory that starts at bus address {@code base}. */
    public RingPeer(MemorySegment memory, long base, QueueAddresses at) {
        this.memory = memory;
        this.base = base;
        this.at = at;
    }

    /** A buffer of a chain. */
    public record Part(long iova, int lengthBytes, boolean writable) {}

    /** What the driver added. */
    public record Chain(int head, List<Part> parts) {}

    public int waiting() {
        return (u16(at.availableIova() + 2) - availableIndex) & 0xffff;
    }

    public Chain next() {
        long slot = availableIndex & (at.entries() - 1);
        int head = u16(at.availableIova() + 4 + 2 * slot);
        availableIndex++;
        var parts = new ArrayList<Part>();
        walk(at.descriptorIova(), head, parts);
        return new Chain(head, parts);
    }

    private void walk(long table, int first, List<Part> parts) {
        int index = first;
        while (true) {
            long d = table + 16L * index;
            long iova = memory.get(VirtqueueDescriptor.U64, d - base);
            int length = memory.get(VirtqueueDescriptor.U32, d - base + 8);
            int flags = u16(d + 12);
            if ((flags & VirtqueueDescriptor.FLAG_INDIRECT) != 0) {
                walk(iova, 0, parts);
                return;
            }
            parts.add(new Part(iova, length, (flags & VirtqueueDescriptor.FLAG_WRITE) != 0));
            if ((flags & VirtqueueDescriptor.FLAG_NEXT) == 0) {
                return;
            }
            index = u16(d + 14);
        }
    }

    public void complete(int head, int writtenBytes) {
        long slot = at.usedIova() + 4 + 8L * (usedIndex & (at.entries() - 1));
        memory.set(INT, slot - base, head);
        memory.set(INT, slot - base + 4, writtenBytes);
        setUsedIndex(usedIndex + 1);
    }

    /** Returns several chains, oldest first, in one element: in order only. */
    public void completeTogether(List<Chain> chains, int lastWrittenBytes) {
        int index = usedIndex;
        complete(chains.getLast().head(), lastWrittenBytes);
        setUsedIndex(index + chains.size());
    }

    public void setUsedIndex(int index) {
        usedIndex = index & 0xffff;
        memory.set(VirtqueueDescriptor.U16, at.usedIova() + 2 - base, (short) usedIndex);
    }

    public int usedIndex() {
        return usedIndex;
    }

    public void wantDoorbellAt(int index) {
        long event = at.usedIova() + VirtqueueDescriptor.availableEventOffset(at.entries());
        memory.set(VirtqueueDescriptor.U16, event - base, (short) index);
    }

    public void wantNoDoorbell() {
        memory.set(
                VirtqueueDescriptor.U16,
                at.usedIova() - base,
                (short) VirtqueueDescriptor.USED_NO_NOTIFY);
    }

    /** Where the driver wants its interrupt. */
    public int usedEvent() {
        return u16(at.availableIova() + VirtqueueDescriptor.usedEventOffset(at.entries()));
    }

    public int availableFlags() {
        return u16(at.availableIova());
    }

    private int u16(long busAddress) {
        return memory.get(VirtqueueDescriptor.U16, busAddress - base) & 0xffff;
    }
}
