package dev.outboard.perf.jmh;

import dev.outboard.dma.Dma;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.DeviceId;
import dev.outboard.driver.QueueTransport;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;
import dev.outboard.uio.WaitPolicy;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.BooleanSupplier;

/**
 * An NVMe controller in this process, as small as one can be: it completes each command, without
 * moving any data, when {@link #work} is called. Commands of the admin queue it completes inside
 * the driver's own write of the doorbell. One thread; working allocates nothing.
 */
final class LoopbackNvme implements Device, Registers {
    private static final int QUEUES = 2;
    private static final int DOORBELLS = 0x1000;
    private static final long CAPABILITIES = 1023L | 1L << 24 | 1L << 37;
    private static final int PHASE = 1 << 16;
    private static final int BLOCKS = 1 << 20;

    private final MappedMemory mapped;
    private final MemorySegment memory;
    private final long memoryStart;
    private final long[] commands = new long[QUEUES];
    private final int[] commandEntries = new int[QUEUES];
    private final int[] commandHead = new int[QUEUES];
    private final int[] commandTail = new int[QUEUES];
    private final long[] completions = new long[QUEUES];
    private final int[] completionEntries = new int[QUEUES];
    private final int[] completionTail = new int[QUEUES];
    private final int[] phase = new int[QUEUES];
    private int configuration;
    private int sizes;

    /** Over memory without an IOMMU between. */
    LoopbackNvme(MappedMemory mapped, long memoryBytes) {
        this.mapped = mapped;
        var all = mapped.dma().allocate(4096);
        memoryStart = all.physicalAddress();
        all.close();
        memory = mapped.at(memoryStart, memoryBytes);
    }

    /** Completes what the doorbell of a queue told of. */
    void work(int queue) {
        while (commandHead[queue] != commandTail[queue]) {
            long at = commands[queue] + commandHead[queue] * 64L;
            commandHead[queue]++;
            if (commandHead[queue] == commandEntries[queue]) {
                commandHead[queue] = 0;
            }
            int first = memory.get(ValueLayout.JAVA_INT, at);
            if (queue != 0) {
                complete(queue, first >>> 16, 0);
            } else if ((first & 0xff) != 0x0c) {
                complete(0, first >>> 16, admin(first & 0xff, at));
            }
        }
    }

    private void complete(int queue, int id, int result) {
        long at = completions[queue] + completionTail[queue] * 16L;
        memory.set(ValueLayout.JAVA_INT, at, result);
        memory.set(ValueLayout.JAVA_INT, at + 12, id | phase[queue]);
        completionTail[queue]++;
        if (completionTail[queue] == completionEntries[queue]) {
            completionTail[queue] = 0;
            phase[queue] ^= PHASE;
        }
    }

    private int admin(int opcode, long at) {
        long pointer = memory.get(ValueLayout.JAVA_LONG, at + 24) - memoryStart;
        int dword10 = memory.get(ValueLayout.JAVA_INT, at + 40);
        int entries = (dword10 >>> 16) + 1;
        switch (opcode) {
            case 0x06 -> identify(dword10, pointer);
            case 0x05 -> begin(dword10 & 0xffff, pointer, entries, completions, completionEntries);
            case 0x01 -> begin(dword10 & 0xffff, pointer, entries, commands, commandEntries);
            default -> {
                // Answered, and that is all.
            }
        }
        return 0;
    }

    private void identify(int what, long page) {
        if (what == 0) {
            memory.set(ValueLayout.JAVA_LONG, page, BLOCKS);
            memory.set(ValueLayout.JAVA_INT, page + 128, 12 << 16);
        } else if (what == 1) {
            memory.set(ValueLayout.JAVA_INT, page + 536, 1);
        } else {
            memory.set(ValueLayout.JAVA_INT, page, 1);
        }
    }

    private void begin(int queue, long at, int entries, long[] rings, int[] ringEntries) {
        rings[queue] = at;
        ringEntries[queue] = entries;
        commandHead[queue] = 0;
        commandTail[queue] = 0;
        completionTail[queue] = 0;
        phase[queue] = PHASE;
    }

    @Override
    public int getInt(long offset) {
        return switch ((int) offset) {
            case 0x14 -> configuration;
            case 0x1c -> configuration & 1 | (configuration >>> 14 & 1) << 3;
            default -> 0;
        };
    }

    @Override
    public void putInt(long offset, int value) {
        if (offset >= DOORBELLS) {
            int index = (int) (offset - DOORBELLS) >>> 2;
            if ((index & 1) == 0) {
                commandTail[index >>> 1] = value;
                if (index == 0) {
                    work(0);
                }
            }
        } else if (offset == 0x24) {
            sizes = value;
        } else if (offset == 0x14) {
            configuration = value;
            begin(0, commands[0], (sizes & 0xffff) + 1, commands, commandEntries);
            completionEntries[0] = (sizes >>> 16) + 1;
        }
    }

    @Override
    public long getLong(long offset) {
        return offset == 0 ? CAPABILITIES : 0;
    }

    @Override
    public void putLong(long offset, long value) {
        if (offset == 0x28) {
            commands[0] = value - memoryStart;
        } else if (offset == 0x30) {
            completions[0] = value - memoryStart;
        }
    }

    @Override
    public long lengthBytes() {
        return 2L * DOORBELLS;
    }

    @Override
    public byte getByte(long offset) {
        return 0;
    }

    @Override
    public void putByte(long offset, byte value) {
        throw new IndexOutOfBoundsException("no register of a byte");
    }

    @Override
    public short getShort(long offset) {
        return 0;
    }

    @Override
    public void putShort(long offset, short value) {
        throw new IndexOutOfBoundsException("no register of 16 bits");
    }

    @Override
    public String name() {
        return "bench0";
    }

    @Override
    public DeviceId id() {
        return DeviceId.unknown("pci");
    }

    @Override
    public Dma dma() {
        return mapped.dma();
    }

    @Override
    public PagePool pages() {
        throw new DeviceException("bench0 has no pool");
    }

    @Override
    public Registers registers(int region) {
        return this;
    }

    @Override
    public QueueTransport queues() {
        throw new DeviceException("bench0 is no set of queues");
    }

    @Override
    public Interrupt interrupt(int vector, BooleanSupplier hasWork) {
        var line =
                new InterruptLine() {
                    @Override
                    public boolean unmask() {
                        return hasWork.getAsBoolean();
                    }

                    @Override
                    public void mask() {
                        // Nothing ever signals.
                    }

                    @Override
                    public boolean isPending() {
                        return hasWork.getAsBoolean();
                    }
                };
        return Interrupt.open(
                "bench0 vector " + vector, line, EventDescriptor.create(), WaitPolicy.BLOCK);
    }

    @Override
    public boolean isLost() {
        return false;
    }
}
