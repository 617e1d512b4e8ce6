package dev.outboard.dma;

import dev.outboard.iommu.ControlPageDescriptor;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The devices of a domain as its flushes ask them, the lanes by which they are asked, and how many
 * flushes of everything have begun and ended.
 *
 * <p>{@link #set} belongs to the owner's thread; {@link #open} and {@link #close} to any; the
 * generations to any thread that flushes. Data paths only read the array, and allocate nothing.
 *
 * <p>Generations follow Linux's flush queue: both counts only say how many, in whatever order the
 * flushes of several threads end. Who has cleared entries and then reads {@code started} knows that
 * as many began before; once more than these have ended, at least one of them began afterwards.
 */
final class DeviceSet {
    private static final VarHandle DEVICES;
    private static final VarHandle STARTED;
    private static final VarHandle FINISHED;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            DEVICES = lookup.findVarHandle(DeviceSet.class, "devices", AttachedDevice[].class);
            STARTED = lookup.findVarHandle(DeviceSet.class, "started", long.class);
            FINISHED = lookup.findVarHandle(DeviceSet.class, "finished", long.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    /** Written by the owner's thread; never changed, only replaced. */
    private AttachedDevice[] devices = {};

    /** Lanes that a flusher has; bit by bit. */
    private int openLanes;

    /** The most lanes that were ever open: as many as devices look at. */
    private int lanes = 1;

    private long started;
    private long finished;

    /** Replaces the devices that a flush asks. */
    synchronized void set(AttachedDevice[] now) {
        for (AttachedDevice device : now) {
            device.control().setLanes(lanes);
        }
        DEVICES.setVolatile(this, now);
        // Full fence: the new set is visible before a new device is told to start. Partner: the
        // fence in Flusher.isSettled: either the flush sees the newcomer, or the newcomer sees
        // what was cleared.
        VarHandle.fullFence();
    }

    /** The devices to ask now; the array is never changed. */
    AttachedDevice[] devicesAcquire() {
        return (AttachedDevice[]) DEVICES.getAcquire(this);
    }

    /**
     * Takes a lane, for one thread at a time.
     *
     * @throws IllegalStateException if there are as many already as a control page has
     */
    synchronized int open() {
        int lane = Integer.numberOfTrailingZeros(~openLanes);
        if (lane >= ControlPageDescriptor.MAX_LANES) {
            throw new IllegalStateException(
                    "a domain can be flushed by %d threads, and has as many: close one's service"
                            .formatted(ControlPageDescriptor.MAX_LANES));
        }
        openLanes |= 1 << lane;
        if (lane >= lanes) {
            lanes = lane + 1;
            for (AttachedDevice device : devices) {
                device.control().setLanes(lanes);
            }
        }
        return lane;
    }

    /** Gives a lane back, to be taken by another thread. */
    synchronized void close(int lane) {
        openLanes &= ~(1 << lane);
    }

    /** A flush of everything begins: before its first request. */
    void start() {
        // A full barrier, as every atomic addition: partner of the fence in "generation".
        STARTED.getAndAdd(this, 1L);
    }

    /** A flush of everything has succeeded: after its last device had settled. */
    void finish() {
        FINISHED.getAndAdd(this, 1L);
    }

    /** A flush of everything was begun and given up: it will never end, and so must not count. */
    void giveUp() {
        STARTED.getAndAdd(this, -1L);
    }

    long generation() {
        // Full fence: the entries that this thread has cleared are visible before "started" is
        // read. Partner: the addition in "start". Either that flush is not among those counted
        // here and sees the entries cleared, or it is among them and does not count as one that
        // covers them.
        VarHandle.fullFence();
        return (long) STARTED.getAcquire(this);
    }

    boolean isComplete(long generation) {
        // Acquire: what the devices did with the old translations is over. Partner: "finish".
        return (long) FINISHED.getAcquire(this) > generation;
    }
}
