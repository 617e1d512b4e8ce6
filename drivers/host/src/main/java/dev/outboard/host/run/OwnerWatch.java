package dev.outboard.host.run;

import dev.outboard.dma.DomainSource;
import dev.outboard.driver.DeviceLostException;
import dev.outboard.uio.PeerGoneException;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether the owner of the IOMMU is there, where that is another process: with it goes all that a
 * driver has mapped, and its device stops, so that the end of the one is easily taken for that of
 * the other. Any thread.
 */
final class OwnerWatch {
    private final DomainSource source;
    private final List<Runnable> listeners = new ArrayList<>();
    private volatile boolean lost;

    /**
     * @param source where memory and translations come from, or null without an IOMMU; borrowed
     */
    OwnerWatch(DomainSource source) {
        this.source = source;
        if (source != null) {
            source.onLost(this::lose);
        }
    }

    private void lose() {
        List<Runnable> told;
        synchronized (listeners) {
            lost = true;
            told = List.copyOf(listeners);
            listeners.clear();
        }
        told.forEach(Runnable::run);
    }

    boolean isLost() {
        return lost;
    }

    /** Runs once when the owner has ended; at once if it has. Short. */
    void onLost(Runnable listener) {
        synchronized (listeners) {
            if (!lost) {
                listeners.add(listener);
                return;
            }
        }
        listener.run();
    }

    /**
     * Returns if the owner is there.
     *
     * @throws PeerGoneException if it has ended
     */
    void checkPresent() {
        if (source != null) {
            source.checkPresent();
        }
    }

    /** Whether the owner is there, or is no other process. */
    private boolean isPresent() {
        try {
            checkPresent();
            return true;
        } catch (PeerGoneException gone) {
            return false;
        }
    }

    /**
     * What is to be told of a failure, likewise, where it may be the device's process that has
     * gone, in the middle of a message.
     */
    RuntimeException explain(RuntimeException failure, String deviceName) {
        RuntimeException told = explain(failure);
        if (!(told instanceof PeerGoneException) || !isPresent()) {
            return told;
        }
        var lost = new DeviceLostException(deviceName);
        lost.addSuppressed(told);
        return lost;
    }

    /** What is to be told of a failure: that the owner has ended, if it has, or the failure. */
    RuntimeException explain(RuntimeException failure) {
        if (failure instanceof PeerGoneException) {
            return failure;
        }
        try {
            checkPresent();
            return failure;
        } catch (PeerGoneException gone) {
            gone.addSuppressed(failure);
            return gone;
        } catch (RuntimeException unasked) {
            failure.addSuppressed(unasked);
            return failure;
        }
    }
}
