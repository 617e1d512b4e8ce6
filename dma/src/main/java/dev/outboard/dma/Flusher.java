package dev.outboard.dma;

import dev.outboard.uio.WaitPolicy;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * The owner's half of the flush: asks every device of a domain to drop translations, and waits for
 * those inside a DMA section.
 *
 * <pre>
 *   owner                                   device
 *   clear the entries                       inside = 1
 *   raise requested          ┌── fence ──┐  read requested; if behind: drop, publish completed
 *   read inside              └── pairs ──┘  DMA
 *   wait: outside, caught up, or gone       inside = 0
 * </pre>
 *
 * <p>Flushes belong to the thread of the mapping service; {@link #set} to the owner's thread. A
 * device that is gone needs no flush. No allocation, but for the exception.
 */
final class Flusher {
    private static final VarHandle DEVICES;
    private static final long FIRST_PARK_NANOS = 2_000;
    private static final long LAST_PARK_NANOS = 200_000;
    private static final long PROBE_NANOS = 1_000_000;

    static {
        try {
            DEVICES =
                    MethodHandles.lookup()
                            .findVarHandle(Flusher.class, "devices", AttachedDevice[].class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    private final String domain;
    private final WaitPolicy wait;
    private final long limitNanos;

    /** Written by the owner's thread; never changed, only replaced. */
    private AttachedDevice[] devices = {};

    private AttachedDevice[] asked = devices;
    private long flushes;
    private long waitedNanos;

    Flusher(String domain, DomainOptions options) {
        this.domain = domain;
        wait = options.flushWait();
        limitNanos = options.flushLimitNanos();
    }

    /** Replaces the devices that a flush asks. */
    void set(AttachedDevice[] now) {
        DEVICES.setVolatile(this, now);
        // Full fence: the new set is visible before a new device is told to start. Partner: the
        // fence in "complete": either the flush sees the newcomer, or the newcomer sees what was
        // cleared.
        VarHandle.fullFence();
    }

    private AttachedDevice[] devicesAcquire() {
        return (AttachedDevice[]) DEVICES.getAcquire(this);
    }

    /** Asks the devices to drop everything, and to count what stale translations they held. */
    void requestAll() {
        try {
            for (AttachedDevice device : asked) {
                device.control().requestAllCounted();
            }
        } catch (IllegalStateException unmapped) {
            requireChanged(unmapped);
        }
    }

    /** Begins a flush: {@link #request} for each run, then {@link #complete}. */
    void begin() {
        asked = devicesAcquire();
        flushes++;
    }

    /** Asks the devices to drop a run, already cleared. */
    void request(long page, long pages) {
        try {
            for (AttachedDevice device : asked) {
                device.control().request(page, pages);
            }
        } catch (IllegalStateException unmapped) {
            requireChanged(unmapped);
        }
    }

    /** Waits until nothing that was asked for is usable any more. */
    void complete() {
        while (true) {
            // Full fence: "requested" and the cleared entries are visible before "inside" is read.
            // Partner: the fence in Translator.enter. It also comes before "devices" is read again;
            // partner: the fence in "set".
            VarHandle.fullFence();
            if (devicesAcquire() != asked) {
                askAgain();
                continue;
            }
            try {
                for (AttachedDevice device : asked) {
                    if (!device.control().isSettled()) {
                        await(device);
                    }
                }
                return;
            } catch (IllegalStateException unmapped) {
                requireChanged(unmapped);
            }
        }
    }

    /**
     * Whether nothing that was asked for is usable any more: {@link #complete} without waiting, for
     * who has others to serve.
     */
    boolean poll() {
        // Full fence: as in "complete", with the same partners.
        VarHandle.fullFence();
        if (devicesAcquire() != asked) {
            askAgain();
            VarHandle.fullFence();
        }
        try {
            for (AttachedDevice device : asked) {
                if (!device.control().isSettled() && !device.isGone()) {
                    return false;
                }
            }
            return devicesAcquire() == asked;
        } catch (IllegalStateException unmapped) {
            requireChanged(unmapped);
            return false;
        }
    }

    /** Somebody came or went meanwhile, which is rare: ask whoever is there now for everything. */
    private void askAgain() {
        asked = devicesAcquire();
        try {
            for (AttachedDevice device : asked) {
                device.control().requestAll();
            }
        } catch (IllegalStateException unmapped) {
            requireChanged(unmapped);
        }
    }

    /**
     * A control page is unmapped only after its device has left the set: anything else is a defect.
     */
    private void requireChanged(IllegalStateException unmapped) {
        if (devicesAcquire() == asked) {
            throw unmapped;
        }
    }

    private void await(AttachedDevice device) {
        long started = System.nanoTime();
        try {
            await(device, started);
        } finally {
            waitedNanos += System.nanoTime() - started;
        }
        device.clearStuck();
    }

    private void await(AttachedDevice device, long started) {
        long limit = device.isStuck() ? PROBE_NANOS : limitNanos;
        long parkNanos = FIRST_PARK_NANOS;
        long probeAt = PROBE_NANOS;
        while (!device.control().isSettled()) {
            long waited = System.nanoTime() - started;
            if (waited >= probeAt) {
                probeAt = waited + PROBE_NANOS;
                // The owner's thread may be busy telling of faults: look for the death ourselves.
                if (device.isGone()) {
                    return;
                }
            }
            if (waited >= limit) {
                device.setStuck();
                throw stuck(device);
            }
            if (waited >= wait.spinNanos()) {
                // An interrupted thread does not park; it spins, which is correct and rare.
                LockSupport.parkNanos(parkNanos);
                parkNanos = Math.min(2 * parkNanos, LAST_PARK_NANOS);
            } else if (wait.pause()) {
                Thread.onSpinWait();
            }
        }
    }

    private DeviceStuckException stuck(AttachedDevice device) {
        return new DeviceStuckException(
                ("device=%s of domain=%s did not leave its DMA section within %d ms:"
                                + " stop its process; until then what was unmapped may still be"
                                + " reached")
                        .formatted(device.name(), domain, limitNanos / 1_000_000));
    }

    /** Flushes begun. */
    long flushes() {
        return flushes;
    }

    /** Time spent waiting for devices inside a DMA section. */
    long waitedNanos() {
        return waitedNanos;
    }
}
