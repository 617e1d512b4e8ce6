package dev.outboard.nvme;

import dev.outboard.dma.Dma;
import dev.outboard.dma.PhysicalMemory;
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
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * A controller in the test's own hands, honest or not. It works inside the driver's own write of a
 * doorbell, on the driver's thread; a read puts the number of its first block into its data. Its
 * data path allocates nothing. Registers that it does not know read as zero.
 */
final class FakeController implements Device, Registers, AutoCloseable {
    static final int QUEUES = 4;

    private static final int PHASE = 1 << 16;
    private static final int STATUS_SHIFT = 17;

    /** What becomes of an I/O command. */
    interface Fate {
        /** The status of its completion, or {@link #NONE} for no completion at all. */
        int of(int queue, int opcode, int id);
    }

    static final int NONE = -1;

    final PhysicalMemory physical = PhysicalMemory.create(16 << 20);
    final MemorySegment identity = Arena.ofAuto().allocate(4096);
    final MemorySegment namespace = Arena.ofAuto().allocate(4096);
    final MemorySegment namespaces = Arena.ofAuto().allocate(4096);
    final MemorySegment log = Arena.ofAuto().allocate(4096);

    /** 1024 entries, 500 ms, the NVM command set. */
    long capabilities = 1023L | 1L << 24 | 1L << 37;

    int vectors = QUEUES + 1;
    int queueLimit = 1;
    boolean isSignalling = true;
    boolean becomesReady = true;
    boolean isAllOnes;
    Fate fate = (queue, opcode, id) -> 0;

    /** Opcodes of admin commands that are not answered, or refused with a status. */
    final Map<Integer, Integer> adminFate = new HashMap<>();

    int resets;
    int doorbells;
    int aborts;

    /** What it says to an abort: 0 for "it will end". */
    int abortResult = 1;

    int eventCommands;
    int lastEventId;

    private final Dma dma = Dma.off(physical);
    private final MemorySegment ram = physical.segments().getFirst().memory();
    private final long ramStart = physical.segments().getFirst().physicalAddress();
    private final Map<Integer, EventDescriptor> events = new HashMap<>();
    private final long[] commands = new long[QUEUES + 1];
    private final int[] commandEntries = new int[QUEUES + 1];
    private final int[] commandHead = new int[QUEUES + 1];
    private final long[] completions = new long[QUEUES + 1];
    private final int[] completionEntries = new int[QUEUES + 1];
    private final int[] completionTail = new int[QUEUES + 1];
    private final int[] completionHead = new int[QUEUES + 1];
    private final int[] phase = new int[QUEUES + 1];
    private int configuration;
    private int status;
    private int adminSizes;
    private boolean isLost;
    private long shadows;

    FakeController() {
        ascii(IdentifyDescriptor.SERIAL, "fake");
        ascii(IdentifyDescriptor.MODEL, "Controller of a test");
        identity.set(ValueLayout.JAVA_BYTE, IdentifyDescriptor.WRITE_CACHE, (byte) 1);
        identity.set(ValueLayout.JAVA_BYTE, IdentifyDescriptor.EVENT_LIMIT, (byte) 1);
        identity.set(ValueLayout.JAVA_INT, IdentifyDescriptor.SGL, 1);
        identity.set(ValueLayout.JAVA_SHORT, IdentifyDescriptor.IO_COMMANDS, (short) 0b1100);
        namespaces.set(ValueLayout.JAVA_INT, 0, 1);
        namespace.set(ValueLayout.JAVA_LONG, IdentifyDescriptor.BLOCKS, 1 << 20);
        namespace.set(ValueLayout.JAVA_INT, IdentifyDescriptor.FORMATS, 9 << 16);
    }

    private void ascii(int offset, String text) {
        for (int at = 0; at < text.length(); at++) {
            identity.set(ValueLayout.JAVA_BYTE, offset + at, (byte) text.charAt(at));
        }
    }

    void takeDoorbellBuffers() {
        identity.set(ValueLayout.JAVA_SHORT, IdentifyDescriptor.ADMIN_COMMANDS, (short) (1 << 8));
    }

    /** It fails: as its registers say. */
    void fail() {
        status |= NvmeDescriptor.STATUS_FATAL;
    }

    void vanish() {
        isLost = true;
    }

    // What it does.

    private void ring(int queue, int tail) {
        doorbells++;
        while (isEnabled()
                && commandHead[queue] != tail
                && commandHead[queue] < commandEntries[queue]) {
            long at = commands[queue] + commandHead[queue] * 64L - ramStart;
            commandHead[queue] =
                    commandHead[queue] + 1 == commandEntries[queue] ? 0 : commandHead[queue] + 1;
            int first = ram.get(NvmeDescriptor.U32, at);
            if (queue == 0) {
                admin(first & 0xff, first >>> 16, at);
            } else {
                io(queue, first & 0xff, first >>> 16, at);
            }
        }
    }

    /** Looks at a doorbell in memory, as if it had been awake. */
    synchronized void look(int queue) {
        ring(queue, ram.get(NvmeDescriptor.U32, shadows - ramStart + queue * 8L));
        doorbells--;
    }

    private boolean isEnabled() {
        return (status & NvmeDescriptor.STATUS_READY) != 0;
    }

    private void io(int queue, int opcode, int id, long at) {
        if (opcode == NvmeDescriptor.IO_READ) {
            long data = ram.get(NvmeDescriptor.U64, at + NvmeDescriptor.COMMAND_POINTER);
            ram.set(
                    NvmeDescriptor.U64,
                    data - ramStart,
                    ram.get(NvmeDescriptor.U64, at + NvmeDescriptor.COMMAND_DWORD10));
        }
        int ended = fate.of(queue, opcode, id);
        if (ended != NONE) {
            complete(queue, id, ended, 0);
        }
    }

    private void admin(int opcode, int id, long at) {
        Integer other = adminFate.get(opcode);
        if (other != null) {
            if (other != NONE) {
                complete(0, id, other, 0);
            }
            return;
        }
        long page = ram.get(NvmeDescriptor.U64, at + NvmeDescriptor.COMMAND_POINTER);
        int dword10 = ram.get(NvmeDescriptor.U32, at + NvmeDescriptor.COMMAND_DWORD10);
        int result = 0;
        switch (opcode) {
            case NvmeDescriptor.ADMIN_IDENTIFY ->
                    give(
                            page,
                            switch (dword10) {
                                case IdentifyDescriptor.CONTROLLER -> identity;
                                case IdentifyDescriptor.NAMESPACE -> namespace;
                                default -> namespaces;
                            },
                            4096);
            case NvmeDescriptor.ADMIN_GET_LOG -> give(page, log, 512);
            case NvmeDescriptor.ADMIN_SET_FEATURES -> {
                if (dword10 == NvmeDescriptor.FEATURE_QUEUES) {
                    result = QUEUES - 1 | QUEUES - 1 << 16;
                }
            }
            case NvmeDescriptor.ADMIN_CREATE_COMPLETIONS ->
                    createCompletions(dword10 & 0xffff, (dword10 >>> 16) + 1, page);
            case NvmeDescriptor.ADMIN_CREATE_SUBMISSIONS ->
                    createCommands(dword10 & 0xffff, (dword10 >>> 16) + 1, page);
            case NvmeDescriptor.ADMIN_AWAIT_EVENT -> {
                eventCommands++;
                lastEventId = id;
                return;
            }
            case NvmeDescriptor.ADMIN_DOORBELL_BUFFERS -> shadows = page;
            case NvmeDescriptor.ADMIN_ABORT -> {
                aborts++;
                result = abortResult;
            }
            default -> {
                // Answered, and nothing else.
            }
        }
        complete(0, id, 0, result);
    }

    private void give(long iova, MemorySegment from, int lengthBytes) {
        MemorySegment.copy(from, 0, ram, iova - ramStart, lengthBytes);
    }

    private void createCompletions(int queue, int entries, long iova) {
        completions[queue] = iova;
        completionEntries[queue] = entries;
        completionTail[queue] = 0;
        completionHead[queue] = 0;
        phase[queue] = PHASE;
    }

    private void createCommands(int queue, int entries, long iova) {
        commands[queue] = iova;
        commandEntries[queue] = entries;
        commandHead[queue] = 0;
    }

    /** Writes a completion, true or not. */
    synchronized void complete(int queue, int id, int ended, int result) {
        long at = completions[queue] + completionTail[queue] * 16L - ramStart;
        ram.set(NvmeDescriptor.U32, at, result);
        ram.set(NvmeDescriptor.U32, at + 8, commandHead[queue] | queue << 16);
        NvmeDescriptor.COMPLETION_WORD.setRelease(
                ram, at + NvmeDescriptor.COMPLETION_ID, id | ended << STATUS_SHIFT | phase[queue]);
        completionTail[queue]++;
        if (completionTail[queue] == completionEntries[queue]) {
            completionTail[queue] = 0;
            phase[queue] ^= PHASE;
        }
        if (completionTail[queue] == head(queue)) {
            throw new IllegalStateException("nobody gave back a place of ring " + queue);
        }
        if (isSignalling) {
            signal(queue);
        }
    }

    /** Where the driver is in a ring of completions: as its doorbells say. */
    private int head(int queue) {
        return queue == 0 || shadows == 0
                ? completionHead[queue]
                : ram.get(NvmeDescriptor.U32, shadows - ramStart + queue * 8L + 4);
    }

    /** Raises the interrupt of a queue, with work or without. */
    void signal(int queue) {
        EventDescriptor event = events.get(queue);
        if (event != null) {
            event.signal();
        }
    }

    // Its registers.

    @Override
    public long lengthBytes() {
        return 8192;
    }

    @Override
    public int getInt(long offset) {
        if (isAllOnes) {
            return -1;
        }
        return switch ((int) offset) {
            case NvmeDescriptor.CONFIGURATION -> configuration;
            case NvmeDescriptor.STATUS -> status;
            default -> 0;
        };
    }

    @Override
    public synchronized void putInt(long offset, int value) {
        if (offset >= NvmeDescriptor.DOORBELLS) {
            int index = (int) (offset - NvmeDescriptor.DOORBELLS) / 4;
            if ((index & 1) == 0) {
                ring(index / 2, value);
            } else {
                doorbells++;
                completionHead[index / 2] = value;
            }
        } else if (offset == NvmeDescriptor.ADMIN_SIZES) {
            adminSizes = value;
        } else if (offset == NvmeDescriptor.CONFIGURATION) {
            configure(value);
        }
    }

    private void configure(int value) {
        boolean wasEnabled = (configuration & 1) != 0;
        configuration = value;
        if ((value & 1) == 0) {
            if (wasEnabled) {
                resets++;
            }
            status = 0;
            Arrays.fill(commandEntries, 1, QUEUES + 1, 0);
        } else if (!wasEnabled && becomesReady) {
            createCommands(0, (adminSizes & 0xffff) + 1, commands[0]);
            createCompletions(0, (adminSizes >>> 16) + 1, completions[0]);
            status = NvmeDescriptor.STATUS_READY;
        }
        if ((value & NvmeDescriptor.CONFIGURATION_SHUTDOWN) != 0) {
            status |= NvmeDescriptor.STATUS_SHUTDOWN_DONE;
        }
    }

    @Override
    public long getLong(long offset) {
        return offset == NvmeDescriptor.CAPABILITIES ? capabilities : 0;
    }

    @Override
    public void putLong(long offset, long value) {
        if (offset == NvmeDescriptor.ADMIN_SUBMISSIONS) {
            commands[0] = value;
        } else if (offset == NvmeDescriptor.ADMIN_COMPLETIONS) {
            completions[0] = value;
        }
    }

    @Override
    public byte getByte(long offset) {
        return 0;
    }

    @Override
    public void putByte(long offset, byte value) {
        throw new IllegalStateException("no register of a byte");
    }

    @Override
    public short getShort(long offset) {
        return 0;
    }

    @Override
    public void putShort(long offset, short value) {
        throw new IllegalStateException("no register of 16 bits");
    }

    // The device.

    @Override
    public String name() {
        return "fake0";
    }

    @Override
    public DeviceId id() {
        return new DeviceId("pci", 0x1b36, 0x10, NvmeDescriptor.PCI_CLASS);
    }

    @Override
    public Dma dma() {
        return dma;
    }

    @Override
    public Dma openDma() {
        return Dma.off(physical);
    }

    @Override
    public int queueLimit() {
        return queueLimit;
    }

    @Override
    public PagePool pages() {
        throw new DeviceException("fake0 has no pool");
    }

    @Override
    public Registers registers(int region) {
        return this;
    }

    @Override
    public QueueTransport queues() {
        throw new DeviceException("fake0 is no set of queues");
    }

    @Override
    public Interrupt interrupt(int vector, BooleanSupplier hasWork) {
        if (vector >= vectors) {
            throw new DeviceException("fake0 has no vector " + vector);
        }
        var event =
                EventDescriptor.adopt(
                        events.computeIfAbsent(vector, any -> EventDescriptor.create())
                                .descriptor()
                                .duplicate());
        var line =
                new InterruptLine() {
                    @Override
                    public boolean unmask() {
                        return hasWork.getAsBoolean();
                    }

                    @Override
                    public void mask() {
                        // A message needs no mask.
                    }

                    @Override
                    public boolean isPending() {
                        return hasWork.getAsBoolean();
                    }
                };
        return Interrupt.open("fake0 vector " + vector, line, event, WaitPolicy.BLOCK);
    }

    @Override
    public boolean isLost() {
        return isLost;
    }

    @Override
    public void close() {
        events.values().forEach(EventDescriptor::close);
        dma.close();
        physical.close();
    }
}
