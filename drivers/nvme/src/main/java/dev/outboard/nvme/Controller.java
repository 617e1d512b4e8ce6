package dev.outboard.nvme;

import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Notice;
import dev.outboard.uio.Registers;
import java.util.concurrent.locks.LockSupport;

/**
 * A controller: what its registers say, and its way up, down, and up again. Any thread.
 *
 * <p>{@link #generation} counts its resets. A queue that finds another number than it was made in
 * is unknown to the controller, and makes itself anew.
 */
final class Controller implements AutoCloseable {
    private static final long CAPABILITY_ENTRIES = 0xffff;
    private static final int CAPABILITY_TIMEOUT_SHIFT = 24;
    private static final int CAPABILITY_STRIDE_SHIFT = 32;
    private static final long CAPABILITY_HAS_IO = 1L << 37;
    private static final int CAPABILITY_LEAST_PAGE_SHIFT = 48;
    private static final int LEAST_ENTRIES = 2;
    private static final long TIMEOUT_UNIT_NANOS = 500_000_000L;
    private static final long LOOK_NANOS = 200_000;
    private static final int ALL_ONES = -1;

    private final Device device;
    private final Notices notices;
    private final Registers registers;
    private final long timeoutNanos;
    private final int doorbellStride;
    private final int mostEntries;
    private final AdminQueue admin;

    /** Null where doorbells are registers. */
    private ShadowDoorbells shadows;

    private volatile long generation;

    /** Why it is not used any more; null while it is. */
    private volatile DeviceException failure;

    /** Looks at the admin queue. */
    private volatile Runnable watch = () -> {};

    private int queueCount = 1;

    Controller(Device device, Notices notices) {
        this.device = device;
        this.notices = notices;
        registers = device.registers(0);
        long capabilities = registers.getLong(NvmeDescriptor.CAPABILITIES);
        mostEntries = (int) (capabilities & CAPABILITY_ENTRIES) + 1;
        if (capabilities == ALL_ONES
                || mostEntries < LEAST_ENTRIES
                || (capabilities & CAPABILITY_HAS_IO) == 0
                || (capabilities >>> CAPABILITY_LEAST_PAGE_SHIFT & 0xf) != 0) {
            throw new DeviceException(
                    ("device %s is no NVMe controller with the NVM command set and pages of 4 KiB:"
                                    + " capabilities=0x%x")
                            .formatted(device.name(), capabilities));
        }
        long units = capabilities >>> CAPABILITY_TIMEOUT_SHIFT & 0xff;
        timeoutNanos = Math.max(1, units) * TIMEOUT_UNIT_NANOS;
        doorbellStride = Integer.BYTES << (int) (capabilities >>> CAPABILITY_STRIDE_SHIFT & 0xf);
        disable();
        CommandRing ring =
                new CommandRing(
                        device.dma(),
                        Math.min(mostEntries, AdminQueue.ENTRIES),
                        Math.min(mostEntries, AdminQueue.ENTRIES),
                        new Doorbell(registers, 0, null),
                        new Doorbell(registers, doorbellStride, null));
        admin = new AdminQueue(device, device.dma(), ring, this::hasFailed);
        try {
            enable();
        } catch (RuntimeException failed) {
            admin.close();
            throw failed;
        }
    }

    /** The most entries of a ring. */
    int mostEntries() {
        return mostEntries;
    }

    /** The most pairs of rings for I/O that have doorbells, in the registers and in memory. */
    int mostQueues() {
        long inRegisters = (registers.lengthBytes() - NvmeDescriptor.DOORBELLS) / doorbellStride;
        long inMemory = NvmeDescriptor.PAGE_BYTES / doorbellStride;
        return (int) (Math.min(inRegisters, shadows == null ? inRegisters : inMemory) / 2 - 1);
    }

    AdminQueue admin() {
        return admin;
    }

    long generation() {
        return generation;
    }

    /** Has doorbells in memory, now and after each reset. */
    void useShadows() {
        ShadowDoorbells made = new ShadowDoorbells(device.dma());
        try {
            admin.setDoorbells(made);
        } catch (RuntimeException refused) {
            made.close();
            throw refused;
        }
        shadows = made;
    }

    boolean usesShadows() {
        return shadows != null;
    }

    /** The doorbell for the tail of a queue. */
    Doorbell tailDoorbell(int queue) {
        return new Doorbell(registers, 2L * queue * doorbellStride, shadows);
    }

    /** The doorbell for the head of a queue's completions. */
    Doorbell headDoorbell(int queue) {
        return new Doorbell(registers, (2L * queue + 1) * doorbellStride, shadows);
    }

    /** Asks for pairs of queues, now and after each reset. */
    int setQueueCount(int count) {
        queueCount = admin.setQueueCount(count);
        return queueCount;
    }

    /** Says who looks at the admin queue when it is called. */
    void watchedBy(Runnable call) {
        watch = call;
    }

    /** An interrupt came, and not for a queue for I/O. Any thread. */
    void callWatch() {
        watch.run();
    }

    private void enable() {
        admin.reset();
        CommandRing ring = admin.ring();
        registers.putInt(
                NvmeDescriptor.ADMIN_SIZES,
                ring.completionEntries() - 1 << 16 | ring.entries() - 1);
        registers.putLong(NvmeDescriptor.ADMIN_SUBMISSIONS, ring.submissionsIova());
        registers.putLong(NvmeDescriptor.ADMIN_COMPLETIONS, ring.completionsIova());
        registers.putInt(
                NvmeDescriptor.CONFIGURATION,
                NvmeDescriptor.CONFIGURATION_SIZES | NvmeDescriptor.CONFIGURATION_ENABLE);
        awaitStatus(NvmeDescriptor.STATUS_READY, NvmeDescriptor.STATUS_READY, "become ready");
    }

    /** Ends all DMA: it forgets every queue. */
    private void disable() {
        int configuration = registers.getInt(NvmeDescriptor.CONFIGURATION);
        if ((configuration & NvmeDescriptor.CONFIGURATION_ENABLE) != 0) {
            registers.putInt(
                    NvmeDescriptor.CONFIGURATION,
                    configuration & ~NvmeDescriptor.CONFIGURATION_ENABLE);
        }
        awaitStatus(NvmeDescriptor.STATUS_READY, 0, "come to rest");
    }

    private void awaitStatus(int mask, int wanted, String what) {
        long deadline = System.nanoTime() + timeoutNanos;
        while (true) {
            int status = registers.getInt(NvmeDescriptor.STATUS);
            if (status != ALL_ONES && (status & mask) == wanted) {
                return;
            }
            device.checkPresent();
            boolean isFatal = wanted != 0 && (status & NvmeDescriptor.STATUS_FATAL) != 0;
            if (status == ALL_ONES || isFatal || System.nanoTime() - deadline > 0) {
                throw new DeviceException(
                        "device %s does not %s: status=0x%x%s"
                                .formatted(
                                        device.name(),
                                        what,
                                        status,
                                        status == ALL_ONES ? ", it was removed" : ""));
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    /** Whether it says that it has failed; a register read. */
    boolean hasFailed() {
        int status = registers.getInt(NvmeDescriptor.STATUS);
        return status == ALL_ONES
                || (status & NvmeDescriptor.STATUS_FATAL) != 0
                || (status & NvmeDescriptor.STATUS_READY) == 0;
    }

    /** Whether it has failed, or did not answer an admin command. */
    boolean needsReset() {
        return admin.isStuck() || hasFailed();
    }

    /**
     * Resets it, unless another thread has since that generation.
     *
     * @param why in words, for the user
     * @throws DeviceException if it does not come back: then nothing works any more
     */
    synchronized void reset(long seen, String why) {
        checkAlive();
        if (generation != seen) {
            return;
        }
        try {
            disable();
            enable();
            if (shadows != null) {
                admin.setDoorbells(shadows);
            }
            int given = admin.setQueueCount(queueCount);
            if (given < queueCount) {
                throw new DeviceException(
                        "device %s has %d queues after a reset, where it had %d"
                                .formatted(device.name(), given, queueCount));
            }
        } catch (DeviceException failed) {
            failure = failed;
            throw failed;
        }
        generation++;
        notices.tell(
                Notice.RESET,
                "%s: the controller was reset, and what was under way is sent again"
                        .formatted(why));
    }

    /** Whether it can be used; a volatile read. */
    boolean isDead() {
        return failure != null;
    }

    void checkAlive() {
        device.checkPresent();
        DeviceException why = failure;
        if (why != null) {
            throw new DeviceException(
                    "device %s failed, and did not come back from a reset: %s"
                            .formatted(device.name(), why.getMessage()),
                    why);
        }
    }

    /**
     * Empties its cache, unless it has failed, and ends all DMA: afterwards nothing that it reached
     * is reached any more. One that is gone, or was removed, reaches nothing as it is.
     *
     * @throws DeviceException if it does not come to rest
     */
    void rest() {
        if (device.isLost() || registers.getInt(NvmeDescriptor.STATUS) == ALL_ONES) {
            return;
        }
        try {
            if (!isDead() && !hasFailed()) {
                int configuration = registers.getInt(NvmeDescriptor.CONFIGURATION);
                registers.putInt(
                        NvmeDescriptor.CONFIGURATION,
                        configuration | NvmeDescriptor.CONFIGURATION_SHUTDOWN);
                awaitStatus(
                        NvmeDescriptor.STATUS_SHUTDOWN_MASK,
                        NvmeDescriptor.STATUS_SHUTDOWN_DONE,
                        "shut down");
            }
        } finally {
            disable();
        }
    }

    /** Gives its memory back; it has come to rest. */
    @Override
    public void close() {
        admin.close();
        if (shadows != null) {
            shadows.close();
        }
    }
}
