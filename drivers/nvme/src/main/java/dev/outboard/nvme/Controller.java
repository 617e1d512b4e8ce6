package dev.outboard.nvme;

import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
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
    private static final int CAPABILITY_LEAST_PAGE_SHIFT = 48;
    private static final long TIMEOUT_UNIT_NANOS = 500_000_000L;
    private static final long LOOK_NANOS = 200_000;
    private static final int ALL_ONES = -1;

    private final Device device;
    private final Registers registers;
    private final long timeoutNanos;
    private final int doorbellStride;
    private final int mostEntries;
    private final AdminQueue admin;
    private volatile long generation;
    private volatile boolean isDead;
    private int queueCount = 1;

    Controller(Device device) {
        this.device = device;
        registers = device.registers(0);
        long capabilities = registers.getLong(NvmeDescriptor.CAPABILITIES);
        if (capabilities == ALL_ONES || (capabilities >>> CAPABILITY_LEAST_PAGE_SHIFT & 0xf) != 0) {
            throw new DeviceException(
                    "device %s is no NVMe controller with pages of 4 KiB: capabilities=0x%x"
                            .formatted(device.name(), capabilities));
        }
        mostEntries = (int) (capabilities & CAPABILITY_ENTRIES) + 1;
        long units = capabilities >>> CAPABILITY_TIMEOUT_SHIFT & 0xff;
        timeoutNanos = Math.max(1, units) * TIMEOUT_UNIT_NANOS;
        doorbellStride = Integer.BYTES << (int) (capabilities >>> CAPABILITY_STRIDE_SHIFT & 0xf);
        disable();
        admin = new AdminQueue(device, device.dma(), registers, doorbellStride);
        try {
            enable();
        } catch (RuntimeException failure) {
            admin.close();
            throw failure;
        }
    }

    Registers registers() {
        return registers;
    }

    int doorbellStride() {
        return doorbellStride;
    }

    /** The most entries of a ring. */
    int mostEntries() {
        return mostEntries;
    }

    AdminQueue admin() {
        return admin;
    }

    long generation() {
        return generation;
    }

    /** Asks for pairs of queues, now and after each reset. */
    int setQueueCount(int count) {
        queueCount = admin.setQueueCount(count);
        return queueCount;
    }

    private void enable() {
        admin.ring().reset();
        registers.putInt(
                NvmeDescriptor.ADMIN_SIZES, AdminQueue.ENTRIES - 1 << 16 | AdminQueue.ENTRIES - 1);
        registers.putLong(NvmeDescriptor.ADMIN_SUBMISSIONS, admin.ring().submissionsIova());
        registers.putLong(NvmeDescriptor.ADMIN_COMPLETIONS, admin.ring().completionsIova());
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
                        "device %s does not %s: status=0x%x"
                                .formatted(device.name(), what, status));
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

    /**
     * Resets it, unless another thread has since that generation.
     *
     * @throws DeviceException if it does not come back: then nothing works any more
     */
    synchronized void reset(long seen) {
        checkAlive();
        if (generation != seen) {
            return;
        }
        try {
            disable();
            enable();
            int given = admin.setQueueCount(queueCount);
            if (given < queueCount) {
                throw new DeviceException(
                        "device %s has %d queues after a reset, where it had %d"
                                .formatted(device.name(), given, queueCount));
            }
        } catch (DeviceException failure) {
            isDead = true;
            throw failure;
        }
        generation++;
    }

    void checkAlive() {
        device.checkPresent();
        if (isDead) {
            throw new DeviceException(
                    "device %s failed, and did not come back from a reset"
                            .formatted(device.name()));
        }
    }

    /** Empties its cache, unless it has failed, and ends all DMA. */
    @Override
    public void close() {
        try {
            if (!device.isLost() && !isDead && !hasFailed()) {
                int configuration = registers.getInt(NvmeDescriptor.CONFIGURATION);
                registers.putInt(
                        NvmeDescriptor.CONFIGURATION,
                        configuration | NvmeDescriptor.CONFIGURATION_SHUTDOWN);
                awaitStatus(
                        NvmeDescriptor.STATUS_SHUTDOWN_MASK,
                        NvmeDescriptor.STATUS_SHUTDOWN_DONE,
                        "shut down");
            }
            if (!device.isLost()) {
                disable();
            }
        } finally {
            admin.close();
        }
    }
}
