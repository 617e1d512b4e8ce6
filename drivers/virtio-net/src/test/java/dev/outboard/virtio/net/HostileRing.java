package dev.outboard.virtio.net;

import dev.outboard.driver.QueueAddresses;
import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.PackedRingDescriptor;
import dev.outboard.virtio.RingFormat;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/**
 * The device's side of a ring, that knows the layout and lies: it finishes chains nearly as it
 * should, and writes into every field there is. Each lie is a mutation, and is counted.
 */
final class HostileRing {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final int LEAST_FRAME_BYTES = 64;

    private static final int BOTH_FLAGS =
            PackedRingDescriptor.FLAG_AVAILABLE | PackedRingDescriptor.FLAG_USED;

    private final MemorySegment memory;
    private final long base;
    private final QueueAddresses at;
    private final RingFormat format;
    private final SplittableRandom random;
    private final int mask;

    // Chains that the driver has shown, oldest first.
    private final int[] number;
    private final int[] descriptors;
    private final long[] iova;
    private final int[] lengthBytes;
    private int held;

    private int seen;
    private int used;
    private long mutations;

    HostileRing(
            MemorySegment memory,
            long base,
            QueueAddresses at,
            RingFormat format,
            SplittableRandom random) {
        this.memory = memory;
        this.base = base;
        this.at = at;
        this.format = format;
        this.random = random;
        mask = at.entries() - 1;
        number = new int[at.entries()];
        descriptors = new int[at.entries()];
        iova = new long[at.entries()];
        lengthBytes = new int[at.entries()];
    }

    long mutations() {
        return mutations;
    }

    /** One lie, or, as often, one chain that is finished as it should be. */
    void act() {
        look();
        switch (random.nextInt(16)) {
            case 0, 1, 2, 3, 4, 5 -> finish(random.nextInt(3) != 0);
            case 6 -> lieAboutAChain();
            case 7, 8 -> writeFrame();
            case 9 -> writeUsedSide();
            default -> {
                for (int i = random.nextInt(16); i >= 0; i--) {
                    writeField();
                }
            }
        }
    }

    /** Takes what the driver shows, as far as what was written over it makes sense. */
    private void look() {
        while (held < number.length && hasNext()) {
            int slot = seen & mask;
            int first = slot;
            if (format.packed()) {
                number[held] = u16(at.descriptorIova() + 16L * slot + 12);
            } else {
                first = u16(at.availableIova() + 4 + 2L * slot) & mask;
                number[held] = first;
            }
            long d = at.descriptorIova() + 16L * first;
            iova[held] = memory.get(LONG, d - base);
            lengthBytes[held] = memory.get(INT, d - base + 8);
            descriptors[held] = chainLength(slot);
            seen += format.packed() ? descriptors[held] : 1;
            held++;
        }
    }

    private boolean hasNext() {
        if (!format.packed()) {
            return (short) (u16(at.availableIova() + 2) - seen) > 0;
        }
        int flags = u16(at.descriptorIova() + 16L * (seen & mask) + 14);
        return (flags & BOTH_FLAGS) == PackedRingDescriptor.availableFlags(lap(seen));
    }

    private int chainLength(int slot) {
        int count = 1;
        int place = slot;
        while (format.packed()
                && count < at.entries()
                && (u16(at.descriptorIova() + 16L * place + 14) & VirtqueueDescriptor.FLAG_NEXT)
                        != 0) {
            place = place + 1 & mask;
            count++;
        }
        return count;
    }

    private int lap(int position) {
        return position >>> Integer.numberOfTrailingZeros(at.entries());
    }

    /** Finishes a chain; in order if that was promised, and sometimes if not. */
    private void finish(boolean isHonest) {
        if (held == 0) {
            return;
        }
        int which = format.inOrder() || random.nextBoolean() ? 0 : random.nextInt(held);
        int bytes = LEAST_FRAME_BYTES + random.nextInt(64);
        if (inMemory(iova[which], LEAST_FRAME_BYTES) && lengthBytes[which] >= 128) {
            writeHeader(iova[which], isHonest);
        } else {
            bytes = 0;
        }
        give(number[which], bytes, descriptors[which]);
        held--;
        for (int i = which; i < held; i++) {
            number[i] = number[i + 1];
            descriptors[i] = descriptors[i + 1];
            iova[i] = iova[i + 1];
            lengthBytes[i] = lengthBytes[i + 1];
        }
    }

    private void writeHeader(long header, boolean isHonest) {
        long to = header - base;
        memory.set(LONG, to, 0);
        memory.set(INT, to + 8, 1 << 16);
        if (isHonest) {
            return;
        }
        mutations++;
        switch (random.nextInt(4)) {
            case 0 ->
                    memory.set(
                            SHORT,
                            to + NetDescriptor.HEADER_BUFFERS_OFFSET,
                            (short) (random.nextBoolean() ? random.nextInt(6) : number()));
            case 1 -> memory.set(LONG, to, random.nextLong());
            case 2 -> {
                // Nearly right: sums to finish and segments to cut, at places that may not be.
                memory.set(SHORT, to, (short) (1 | random.nextInt(6) << 8));
                memory.set(INT, to + 4, 14 + random.nextInt(100) << 16 | random.nextInt(2000));
                memory.set(SHORT, to + 8, (short) random.nextInt(40));
            }
            default -> memory.set(INT, to + 8, random.nextInt());
        }
    }

    /** Returns a chain that is not the one, or with a length that cannot be, or too far on. */
    private void lieAboutAChain() {
        if (random.nextInt(3) != 0) {
            return;
        }
        mutations++;
        boolean isOne = held > 0 && random.nextBoolean();
        int chain = isOne ? number[random.nextInt(held)] : number();
        give(chain, random.nextBoolean() ? 0 : length(), 1 + random.nextInt(3));
    }

    private void give(int chain, int writtenBytes, int count) {
        if (format.packed()) {
            long d = at.descriptorIova() + 16L * (used & mask) - base;
            memory.set(INT, d + 8, writtenBytes);
            memory.set(SHORT, d + 12, (short) chain);
            memory.set(SHORT, d + 14, (short) ((lap(used) & 1) == 0 ? BOTH_FLAGS : 0));
            used += count;
        } else {
            long element = at.usedIova() + 4 + 8L * (used & mask) - base;
            memory.set(INT, element, chain);
            memory.set(INT, element + 4, writtenBytes);
            used++;
            memory.set(SHORT, at.usedIova() + 2 - base, (short) used);
        }
    }

    /** Writes into what was or will be a frame. */
    private void writeFrame() {
        if (held == 0) {
            return;
        }
        long to = iova[random.nextInt(held)] + random.nextInt(256);
        if (inMemory(to, Long.BYTES)) {
            mutations++;
            memory.set(LONG, to - base, random.nextLong());
        }
    }

    /** The index, an element, or flags: what ends most sessions. */
    private void writeUsedSide() {
        if (random.nextInt(8) != 0) {
            return;
        }
        mutations++;
        if (format.packed()) {
            long d = at.descriptorIova() + 16L * (used + random.nextInt(3) & mask) - base;
            memory.set(SHORT, d + 14, (short) (random.nextBoolean() ? BOTH_FLAGS : number()));
        } else {
            int index = random.nextBoolean() ? used + random.nextInt(5) - 2 : number();
            memory.set(SHORT, at.usedIova() + 2 - base, (short) index);
        }
    }

    /** Any field of any structure but those that say that a chain is used. */
    private void writeField() {
        long slot = random.nextInt(at.entries());
        long d = at.descriptorIova() + 16 * slot - base;
        switch (random.nextInt(8)) {
            case 0 -> put(LONG, d, random.nextLong());
            case 1 -> put(INT, d + 8, length());
            case 2 -> put(SHORT, d + 12, (short) number());
            case 3 -> {
                if (!format.packed()) {
                    put(SHORT, d + 14, (short) number());
                }
            }
            case 4 -> writeTable();
            case 5 -> put(INT, at.availableIova() - base, random.nextInt());
            case 6 -> {
                if (format.packed()) {
                    put(INT, at.usedIova() - base, random.nextInt(4) << 16 | number());
                } else {
                    put(SHORT, at.usedIova() + 4 + 8L * at.entries() - base, (short) number());
                }
            }
            default -> writeSplitField(slot);
        }
    }

    private void put(ValueLayout.OfLong layout, long to, long value) {
        memory.set(layout, to, value);
        mutations++;
    }

    private void put(ValueLayout.OfInt layout, long to, int value) {
        memory.set(layout, to, value);
        mutations++;
    }

    private void put(ValueLayout.OfShort layout, long to, short value) {
        memory.set(layout, to, value);
        mutations++;
    }

    private void writeSplitField(long slot) {
        if (format.packed()) {
            return;
        }
        switch (random.nextInt(4)) {
            case 0 -> put(SHORT, at.availableIova() + 4 + 2 * slot - base, (short) number());
            case 1 -> put(SHORT, at.usedIova() - base, (short) random.nextInt(2));
            case 2 -> put(INT, at.usedIova() + 4 + 8 * slot - base, number());
            default -> put(INT, at.usedIova() + 8 + 8 * slot - base, length());
        }
    }

    /** An indirect table, or what an address that was written over points to. */
    private void writeTable() {
        if (held == 0 || !format.indirect()) {
            return;
        }
        int which = random.nextInt(held);
        long to = iova[which] + random.nextInt(64);
        if (lengthBytes[which] <= 1024 && inMemory(to, Long.BYTES)) {
            put(LONG, to - base, random.nextLong());
        }
    }

    /** A number at an edge, or any. */
    private int number() {
        return switch (random.nextInt(8)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> at.entries();
            case 3 -> at.entries() - 1;
            case 4 -> 0x8000;
            default -> random.nextInt(2 * at.entries());
        };
    }

    private int length() {
        return switch (random.nextInt(6)) {
            case 0 -> -1;
            case 1 -> Integer.MIN_VALUE;
            case 2 -> random.nextInt();
            case 3 -> 4097;
            default -> random.nextInt(8192);
        };
    }

    private boolean inMemory(long address, int bytes) {
        return address >= base && address <= base + memory.byteSize() - bytes;
    }

    private int u16(long busAddress) {
        return memory.get(SHORT, busAddress - base) & 0xffff;
    }
}
