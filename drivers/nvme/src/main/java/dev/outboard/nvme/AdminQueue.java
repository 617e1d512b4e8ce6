package dev.outboard.nvme;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.uio.Registers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.locks.LockSupport;

/**
 * The admin queue: commands that are rare, one after the other, each waited for. Any thread, one at
 * a time; looks for completions itself, so that it needs no interrupt.
 */
final class AdminQueue implements AutoCloseable {
    static final int ENTRIES = 32;

    private static final long TIMEOUT_NANOS = 10_000_000_000L;
    private static final long LOOK_NANOS = 50_000;
    private static final int SHOWN_STATUS_BITS = 0x7ff;

    private final Device device;
    private final CommandRing ring;
    private final CoherentMemory page;
    private int nextId;

    AdminQueue(Device device, Dma dma, Registers registers, int doorbellStride) {
        this.device = device;
        ring = new CommandRing(dma, registers, 0, doorbellStride, ENTRIES);
        try {
            page = dma.allocateCoherent(NvmeDescriptor.IDENTIFY_BYTES);
        } catch (RuntimeException failure) {
            ring.close();
            throw failure;
        }
    }

    CommandRing ring() {
        return ring;
    }

    /** What a controller or a namespace says of itself: a copy. */
    synchronized MemorySegment identify(int what, int namespace) {
        long at = ring.begin(NvmeDescriptor.ADMIN_IDENTIFY, 0, takeId(), namespace);
        ring.setLong(at + NvmeDescriptor.COMMAND_POINTER, page.iova());
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD10, what);
        complete("identify");
        return MemorySegment.ofArray(page.memory().toArray(ValueLayout.JAVA_BYTE));
    }

    /** Asks for so many pairs of queues; how many there are then, at least one. */
    synchronized int setQueueCount(int count) {
        long at = ring.begin(NvmeDescriptor.ADMIN_SET_FEATURES, 0, takeId(), 0);
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD10, NvmeDescriptor.FEATURE_QUEUES);
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD11, count - 1 | count - 1 << 16);
        int given = complete("set the number of queues");
        return Math.min(count, Math.min(given & 0xffff, given >>> 16) + 1);
    }

    /** Has the controller use a pair of rings. */
    synchronized void create(int queue, CommandRing rings, int vector) {
        int sizes = queue | rings.entries() - 1 << 16;
        long at = ring.begin(NvmeDescriptor.ADMIN_CREATE_COMPLETIONS, 0, takeId(), 0);
        ring.setLong(at + NvmeDescriptor.COMMAND_POINTER, rings.completionsIova());
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD10, sizes);
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD11, vector << 16 | 0b11);
        complete("create a ring of completions");
        at = ring.begin(NvmeDescriptor.ADMIN_CREATE_SUBMISSIONS, 0, takeId(), 0);
        ring.setLong(at + NvmeDescriptor.COMMAND_POINTER, rings.submissionsIova());
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD10, sizes);
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD11, queue << 16 | 0b1);
        complete("create a ring of commands");
    }

    /** Has it forget them: afterwards it touches neither them nor what their commands name. */
    synchronized void delete(int queue) {
        for (int opcode :
                new int[] {
                    NvmeDescriptor.ADMIN_DELETE_SUBMISSIONS, NvmeDescriptor.ADMIN_DELETE_COMPLETIONS
                }) {
            long at = ring.begin(opcode, 0, takeId(), 0);
            ring.setInt(at + NvmeDescriptor.COMMAND_DWORD10, queue);
            complete("delete a queue");
        }
    }

    /** Asks it to give a command up; whether it says that it did. */
    synchronized boolean abort(int queue, int id) {
        long at = ring.begin(NvmeDescriptor.ADMIN_ABORT, 0, takeId(), 0);
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD10, queue | id << 16);
        return (complete("abort") & 1) == 0;
    }

    private int takeId() {
        nextId = nextId + 1 == ENTRIES ? 0 : nextId + 1;
        return nextId;
    }

    private int complete(String what) {
        ring.announce();
        long deadline = System.nanoTime() + TIMEOUT_NANOS;
        while (!ring.isReady()) {
            device.checkPresent();
            if (System.nanoTime() - deadline > 0) {
                throw new DeviceException(
                        "device %s does not answer the command to %s"
                                .formatted(device.name(), what));
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
        int id = ring.take();
        int status = ring.status();
        int result = ring.result();
        ring.acknowledge();
        if (id != nextId) {
            throw CommandRing.broken(device.name(), id);
        }
        if (status != 0) {
            throw new DeviceException(
                    "device %s refuses to %s: status=0x%x"
                            .formatted(device.name(), what, status & SHOWN_STATUS_BITS));
        }
        return result;
    }

    @Override
    public void close() {
        page.close();
        ring.close();
    }
}
