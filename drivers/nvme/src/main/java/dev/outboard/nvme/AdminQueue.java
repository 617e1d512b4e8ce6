package dev.outboard.nvme;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The admin queue: commands that are rare, one after the other, each waited for by looking, so that
 * it needs no interrupt; and beside them commands that stay until the controller has an event to
 * tell. Any thread, one at a time.
 */
final class AdminQueue implements AutoCloseable {
    static final int ENTRIES = 32;

    /** The most events awaited at once. */
    static final int MOST_EVENTS = 4;

    /** No event has come. */
    static final long NO_EVENT = -1;

    private static final long TIMEOUT_NANOS = 10_000_000_000L;
    private static final long LOOK_NANOS = 50_000;

    /** Looks between two at whether the controller has failed. */
    private static final int LOOKS_BETWEEN = 64;

    /** Ids of the commands that await events: beyond those of all others. */
    private static final int FIRST_EVENT_ID = ENTRIES;

    private final Device device;
    private final CommandRing ring;
    private final BooleanSupplier hasFailed;
    private final CoherentMemory page;

    /** Whether a command awaits an event, by its id. */
    private final boolean[] awaited = new boolean[MOST_EVENTS];

    /** Events that came and were not taken yet. */
    private final long[] events = new long[MOST_EVENTS];

    private int eventCount;
    private int nextId;
    private volatile boolean isStuck;

    /**
     * @param ring closed with this, also if this fails
     * @param hasFailed whether the controller says that it has, and will answer nothing
     */
    AdminQueue(Device device, Dma dma, CommandRing ring, BooleanSupplier hasFailed) {
        this.device = device;
        this.ring = ring;
        this.hasFailed = hasFailed;
        try {
            page = dma.allocateCoherent(IdentifyDescriptor.PAGE_BYTES);
        } catch (RuntimeException failure) {
            ring.close();
            throw failure;
        }
    }

    CommandRing ring() {
        return ring;
    }

    /** Whether a command was not answered: nothing it answers can be trusted before a reset. */
    boolean isStuck() {
        return isStuck;
    }

    /** As new: the controller has forgotten it. */
    synchronized void reset() {
        ring.reset();
        Arrays.fill(awaited, false);
        eventCount = 0;
        isStuck = false;
    }

    /** What a controller or a namespace says of itself: a copy. */
    synchronized IdentifyPage identify(int what, int namespace) {
        page.memory().fill((byte) 0);
        command("identify", NvmeDescriptor.ADMIN_IDENTIFY, namespace, what, 0);
        return IdentifyPage.copyOf(page.memory());
    }

    /** A log page: a copy. What it told of by an event, it tells of again from now on. */
    synchronized IdentifyPage log(int log, int lengthBytes) {
        page.memory().fill((byte) 0);
        int words = lengthBytes / Integer.BYTES - 1;
        command(
                "read log page " + log,
                NvmeDescriptor.ADMIN_GET_LOG,
                NvmeDescriptor.ALL_NAMESPACES,
                words << 16 | log,
                0);
        return IdentifyPage.copyOf(page.memory());
    }

    /** Sets a feature; the result. */
    int setFeature(int feature, int value) {
        return command(
                "set feature " + feature, NvmeDescriptor.ADMIN_SET_FEATURES, 0, feature, value);
    }

    /** The page that the data of commands is in; under this object's lock. */
    MemorySegment page() {
        return page.memory();
    }

    /**
     * A command whose data, if it has any, is in the page.
     *
     * @return the first word of its completion
     */
    synchronized int command(String what, int opcode, int namespace, int dword10, int dword11) {
        long at = ring.begin(opcode, takeId(), namespace);
        ring.setLong(at + NvmeDescriptor.COMMAND_POINTER, page.iova());
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD10, dword10);
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD11, dword11);
        return complete(what);
    }

    /** Asks for so many pairs of queues; how many there are then, at least one. */
    int setQueueCount(int count) {
        int given = setFeature(NvmeDescriptor.FEATURE_QUEUES, count - 1 | count - 1 << 16);
        return Math.min(count, Math.min(given & 0xffff, given >>> 16) + 1);
    }

    /** Tells the controller of doorbells in memory. */
    synchronized void setDoorbells(ShadowDoorbells shadows) {
        long at = ring.begin(NvmeDescriptor.ADMIN_DOORBELL_BUFFERS, takeId(), 0);
        ring.setLong(at + NvmeDescriptor.COMMAND_POINTER, shadows.doorbellsIova());
        ring.setLong(at + NvmeDescriptor.COMMAND_SECOND_POINTER, shadows.eventsIova());
        complete("use doorbells in memory");
    }

    /**
     * Has the controller use a pair of rings.
     *
     * @param isSignalled whether completions interrupt, by the vector
     */
    synchronized void create(int queue, CommandRing rings, int vector, boolean isSignalled) {
        long at = ring.begin(NvmeDescriptor.ADMIN_CREATE_COMPLETIONS, takeId(), 0);
        ring.setLong(at + NvmeDescriptor.COMMAND_POINTER, rings.completionsIova());
        ring.setInt(
                at + NvmeDescriptor.COMMAND_DWORD10, queue | rings.completionEntries() - 1 << 16);
        ring.setInt(
                at + NvmeDescriptor.COMMAND_DWORD11, vector << 16 | (isSignalled ? 0b11 : 0b01));
        complete("create a ring of completions");
        at = ring.begin(NvmeDescriptor.ADMIN_CREATE_SUBMISSIONS, takeId(), 0);
        ring.setLong(at + NvmeDescriptor.COMMAND_POINTER, rings.submissionsIova());
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD10, queue | rings.entries() - 1 << 16);
        ring.setInt(at + NvmeDescriptor.COMMAND_DWORD11, queue << 16 | 0b1);
        complete("create a ring of commands");
    }

    /** Has it forget them: afterwards it touches neither them nor what their commands name. */
    synchronized void delete(int queue) {
        for (int opcode :
                new int[] {
                    NvmeDescriptor.ADMIN_DELETE_SUBMISSIONS, NvmeDescriptor.ADMIN_DELETE_COMPLETIONS
                }) {
            command("delete a queue", opcode, 0, queue, 0);
        }
    }

    /** Asks it to give a command up; whether it says that it did. */
    boolean abort(int queue, int id) {
        int result = command("abort", NvmeDescriptor.ADMIN_ABORT, 0, queue | id << 16, 0);
        return (result & 1) == 0;
    }

    /** Has so many commands await events, and no more. */
    synchronized void awaitEvents(int count) {
        for (int index = 0; index < Math.min(count, MOST_EVENTS); index++) {
            if (!awaited[index]) {
                awaited[index] = true;
                ring.begin(NvmeDescriptor.ADMIN_AWAIT_EVENT, FIRST_EVENT_ID + index, 0);
            }
        }
        ring.announce();
    }

    /** An event that came: its 32 bits; or {@link #NO_EVENT}. */
    synchronized long takeEvent() {
        while (ring.isReady()) {
            // Nobody waits for a command now: what is there can only be events.
            takeEvent(ring.take());
            ring.acknowledge();
        }
        if (eventCount == 0) {
            return NO_EVENT;
        }
        return events[--eventCount];
    }

    private void takeEvent(int id) {
        int index = id - FIRST_EVENT_ID;
        if (index < 0 || index >= MOST_EVENTS || !awaited[index]) {
            isStuck = true;
            throw CommandRing.broken(device.name(), id);
        }
        // One that was refused is not asked for again before a reset.
        if (ring.status() == 0) {
            awaited[index] = false;
            if (eventCount < MOST_EVENTS) {
                events[eventCount++] = Integer.toUnsignedLong(ring.result());
            }
        }
    }

    private int takeId() {
        nextId = nextId + 1 == ENTRIES ? 0 : nextId + 1;
        return nextId;
    }

    private int complete(String what) {
        ring.announce();
        while (true) {
            await(what);
            int id = ring.take();
            int status = ring.status();
            int result = ring.result();
            if (id != nextId) {
                takeEvent(id);
                ring.acknowledge();
                continue;
            }
            ring.acknowledge();
            if (status != 0) {
                throw new DeviceException(
                        "device %s refuses to %s: %s"
                                .formatted(device.name(), what, NvmeStatus.describe(status)));
            }
            return result;
        }
    }

    private void await(String what) {
        long deadline = System.nanoTime() + TIMEOUT_NANOS;
        for (int looks = 1; !ring.isReady(); looks++) {
            device.checkPresent();
            boolean failed = looks % LOOKS_BETWEEN == 0 && hasFailed.getAsBoolean();
            if (failed || System.nanoTime() - deadline > 0) {
                isStuck = true;
                throw new DeviceException(
                        "device %s does not answer the command to %s%s"
                                .formatted(device.name(), what, failed ? ": it has failed" : ""));
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    @Override
    public void close() {
        page.close();
        ring.close();
    }
}
