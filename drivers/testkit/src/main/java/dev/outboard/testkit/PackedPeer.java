package dev.outboard.testkit;

import dev.outboard.driver.QueueAddresses;
import dev.outboard.virtio.PackedRingDescriptor;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The device's side of a packed ring, byte by byte, so that tests can also lie. */
public final class PackedPeer {
    private final MemorySegment memory;
    private final long base;
    private final QueueAddresses at;
    private int slot;
    private boolean wrap = true;
    private int usedSlot;
    private boolean usedWrap = true;

    /** A ring in memory that starts at bus address {@code base}. */
    public PackedPeer(MemorySegment memory, long base, QueueAddresses at) {
        this.memory = memory;
        this.base = base;
        this.at = at;
    }

    /** What the driver added: its number, its parts, and how many descriptors it takes. */
    public record Chain(int number, List<RingPeer.Part> parts, int descriptors) {}

    /** Whether the driver has shown a chain that {@link #next} has not given. */
    public boolean hasNext() {
        int flags = flags(slot);
        boolean available = (flags & PackedRingDescriptor.FLAG_AVAILABLE) != 0;
        boolean used = (flags & PackedRingDescriptor.FLAG_USED) != 0;
        return available == wrap && used != wrap;
    }

    /** The next chain. */
    public Chain next() {
        var parts = new ArrayList<RingPeer.Part>();
        int count = 0;
        while (true) {
            long d = at.descriptorIova() + 16L * slot;
            int flags = flags(slot);
            int number = u16(d + 12);
            count++;
            slot++;
            if (slot == at.entries()) {
                slot = 0;
                wrap = !wrap;
            }
            if ((flags & VirtqueueDescriptor.FLAG_INDIRECT) != 0) {
                long table = memory.get(VirtqueueDescriptor.U64, d - base);
                int bytes = memory.get(VirtqueueDescriptor.U32, d - base + 8);
                for (long part = table; part < table + bytes; part += 16) {
                    parts.add(part(part));
                }
            } else {
                parts.add(part(d));
            }
            if ((flags & VirtqueueDescriptor.FLAG_NEXT) == 0) {
                return new Chain(number, List.copyOf(parts), count);
            }
        }
    }

    private RingPeer.Part part(long d) {
        return new RingPeer.Part(
                memory.get(VirtqueueDescriptor.U64, d - base),
                memory.get(VirtqueueDescriptor.U32, d - base + 8),
                (u16(d + 14) & VirtqueueDescriptor.FLAG_WRITE) != 0);
    }

    /** Returns a chain. */
    public void complete(Chain chain, int writtenBytes) {
        complete(chain.number(), writtenBytes, chain.descriptors());
    }

    /** Returns several chains, oldest first, in one descriptor: in order only. */
    public void completeTogether(List<Chain> chains, int lastWrittenBytes) {
        int descriptors = chains.stream().mapToInt(Chain::descriptors).sum();
        complete(chains.getLast().number(), lastWrittenBytes, descriptors);
    }

    /** Returns what may never have been given, and goes on behind so many descriptors. */
    public void complete(int number, int writtenBytes, int descriptors) {
        long d = at.descriptorIova() + 16L * usedSlot - base;
        memory.set(VirtqueueDescriptor.U32, d + 8, writtenBytes);
        memory.set(VirtqueueDescriptor.U16, d + 12, (short) number);
        int both = PackedRingDescriptor.FLAG_AVAILABLE | PackedRingDescriptor.FLAG_USED;
        memory.set(VirtqueueDescriptor.U16, d + 14, (short) (usedWrap ? both : 0));
        usedSlot += descriptors;
        if (usedSlot >= at.entries()) {
            usedSlot -= at.entries();
            usedWrap = !usedWrap;
        }
    }

    /** Where the next used descriptor goes, with its wrap counter above. */
    public int usedPlace() {
        return usedSlot | (usedWrap ? PackedRingDescriptor.WRAP : 0);
    }

    /** Says what it wants to be told of: an event suppression structure. */
    public void want(int event) {
        memory.set(VirtqueueDescriptor.U32, at.usedIova() - base, event);
    }

    /** What the driver wants to be told of: an event suppression structure. */
    public int driverEvent() {
        return memory.get(VirtqueueDescriptor.U32, at.availableIova() - base);
    }

    private int flags(int place) {
        return u16(at.descriptorIova() + 16L * place + 14);
    }

    private int u16(long busAddress) {
        return memory.get(VirtqueueDescriptor.U16, busAddress - base) & 0xffff;
    }
}
