package dev.outboard.uio.net;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.nativecall.ErrorNames;
import dev.outboard.uio.nativecall.StreamCalls;
import java.lang.ref.Reference;

/**
 * One queue of a TAP interface: a frame a call, behind a virtio header of {@link
 * VirtioHeader#SIZE_BYTES}, without a copy but the kernel's own. One thread owns it; nothing
 * allocates. One of a {@link TapInterface} is closed with that.
 */
public final class TapQueue implements AutoCloseable {
    private static final int EBADFD = 77;
    private static final int EFAULT = 14;

    private final String name;
    private final DeviceNode node;

    private TapQueue(String name, DeviceNode node) {
        this.name = name;
        this.node = node;
    }

    /**
     * A queue of an interface that somebody else has opened, who may do more than this process:
     * with virtio headers of that length. It is made not to block.
     *
     * @param name the interface's, for messages
     * @param node closed by {@link #close}
     */
    public static TapQueue of(String name, DeviceNode node) {
        node.descriptor().setNonBlocking();
        return new TapQueue(name, node);
    }

    /**
     * Takes a frame that the kernel sends.
     *
     * @param into its pieces: first the header's
     * @return how many bytes, with the header; 0 where none waits. A frame that the pieces have no
     *     room for is cut, and its rest is lost: leave room for a byte too many
     * @throws InterfaceGoneException if the interface was deleted
     */
    public long read(FrameVector into, int pieces) {
        into.requireAlive(pieces);
        long answer;
        do {
            answer = StreamCalls.readVector(node.descriptor().number(), into.entries(), pieces);
        } while (answer == -ErrorNames.EINTR);
        Reference.reachabilityFence(into);
        if (answer >= 0) {
            return answer;
        }
        return answer == -ErrorNames.EAGAIN ? 0 : failed("read", answer);
    }

    /**
     * Gives the kernel a frame.
     *
     * @param from its pieces: first the header's
     * @return false if the kernel did not take it: it is down, or has no memory, or the header
     *     names what is not in the frame. Then it is lost, as on a wire
     * @throws InterfaceGoneException if the interface was deleted
     */
    public boolean write(FrameVector from, int pieces) {
        from.requireAlive(pieces);
        long answer;
        do {
            answer = StreamCalls.writeVector(node.descriptor().number(), from.entries(), pieces);
        } while (answer == -ErrorNames.EINTR);
        Reference.reachabilityFence(from);
        if (answer >= 0) {
            return true;
        }
        if (answer == -EBADFD) {
            failed("write", answer);
        }
        return false;
    }

    private long failed(String call, long answer) {
        if (answer == -EBADFD || answer == -EFAULT) {
            throw new InterfaceGoneException(name);
        }
        throw DeviceNode.failure(call, answer, "TAP interface " + name);
    }

    /** Readable when a frame waits; in error once the interface was deleted. */
    public Descriptor descriptor() {
        return node.descriptor();
    }

    DeviceNode node() {
        return node;
    }

    @Override
    public void close() {
        node.close();
    }
}
