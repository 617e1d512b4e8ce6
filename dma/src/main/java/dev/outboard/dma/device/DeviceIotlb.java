package dev.outboard.dma.device;

import dev.outboard.dma.DeviceStuckException;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.PeerTimeoutException;
import dev.outboard.uio.vhost.IotlbBatch;
import dev.outboard.uio.vhost.VhostFrontEnd;
import dev.outboard.uio.vhost.VhostProtocolException;
import java.util.function.Consumer;

/**
 * The IOTLB of one device, at the other end of its vhost-user connection.
 *
 * <p>Owned by the domain it is attached to. Any thread. A device whose connection closed lets go of
 * everything, so that nothing need be taken from it; one that does not answer may still reach what
 * it knew, and is stuck for good.
 */
final class DeviceIotlb {
    private final String device;
    private final VhostFrontEnd frontEnd;
    private final Consumer<RuntimeException> onFailure;
    private volatile boolean gone;
    private volatile RuntimeException failure;

    /**
     * @param frontEnd borrowed
     * @param onFailure told once when the device cannot be talked to any more
     */
    DeviceIotlb(String device, VhostFrontEnd frontEnd, Consumer<RuntimeException> onFailure) {
        this.device = device;
        this.frontEnd = frontEnd;
        this.onFailure = onFailure;
    }

    /**
     * Sends what the source finds, unless the device is gone. See {@link VhostFrontEnd#feedIotlb}.
     */
    void feed(IotlbBatch batch, IotlbBatch.Source source) {
        if (isUseless()) {
            return;
        }
        try {
            frontEnd.feedIotlb(batch, source);
        } catch (PeerGoneException left) {
            leave(left);
        } catch (PeerTimeoutException late) {
            fail(late);
        }
    }

    /**
     * Returns when the device has dropped these ranges, or is gone.
     *
     * @throws DeviceStuckException if it does not say that it has
     */
    void invalidate(IotlbBatch batch) {
        if (!isUseless()) {
            try {
                frontEnd.invalidateIotlb(batch);
            } catch (PeerGoneException left) {
                leave(left);
            } catch (PeerTimeoutException | VhostProtocolException refused) {
                fail(refused);
            }
        }
        if (failure != null) {
            throw new DeviceStuckException(
                    ("device=%s did not drop what was unmapped: %s; stop its process, which may"
                                    + " still reach it")
                            .formatted(device, failure.getMessage()),
                    failure);
        }
    }

    private boolean isUseless() {
        return gone || failure != null;
    }

    private void leave(PeerGoneException left) {
        boolean first = !isUseless();
        // A connection that we gave up because nothing came must not look like one that they
        // closed.
        if (failure == null) {
            gone = true;
        }
        if (first) {
            onFailure.accept(left);
        }
    }

    private void fail(RuntimeException refused) {
        boolean first = !isUseless();
        failure = refused;
        if (first) {
            onFailure.accept(refused);
        }
    }
}
