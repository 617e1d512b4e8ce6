package dev.outboard.uio.vhost;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.UnixSocket;

/**
 * The device's end of the channel on which a back-end asks its front-end. One thread; never waits.
 * A front-end that does not read is asked no more, which {@link #missed} tells.
 */
public final class BackEndRequests implements AutoCloseable {
    private final UnixSocket socket;
    private final Message message = new Message();

    BackEndRequests(UnixSocket socket) {
        this.socket = socket;
    }

    /**
     * Asks for a translation; it comes, if it does, as {@link VhostBackEnd#iotlb}.
     *
     * @param access 1 to read, 2 to write, 3 both
     * @return false when the front-end is gone or does not read: nothing was asked
     */
    public boolean missed(long iova, int access) {
        return send(new IotlbMessage(iova, 1, 0, access, IotlbMessage.MISS));
    }

    /**
     * Tells that an access was refused.
     *
     * @return false when the front-end is gone or does not read
     */
    public boolean accessFailed(long iova, int access) {
        return send(new IotlbMessage(iova, 1, 0, access, IotlbMessage.ACCESS_FAILURE));
    }

    private boolean send(IotlbMessage told) {
        message.begin(Requests.BACKEND_IOTLB_MSG, 0, PayloadDescriptor.IOTLB_BYTES);
        told.writeTo(message);
        int length = message.lengthBytes();
        try {
            int sent = socket.trySend(message.memory(), 0, length);
            if (sent > 0 && sent < length) {
                // Half a message is the end of the channel: the next would not be understood.
                socket.close();
            }
            return sent == length;
        } catch (PeerGoneException gone) {
            return false;
        }
    }

    /** What to watch for HANG_UP; it stays this object's. */
    public Descriptor descriptor() {
        return socket.descriptor();
    }

    @Override
    public void close() {
        socket.close();
    }
}
