package dev.outboard.uio.net;

import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.nativecall.ErrorNames;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A TAP interface: the kernel's network stack on one side, queues of frames with virtio headers on
 * the other.
 *
 * <p>Owned by who opened it, who closes it after the threads that own queues have left them. An
 * interface that was not there before, and is not made to stay, goes when it is closed, and with
 * the process, however that ends. The methods here are for one thread at a time; {@link
 * #setCarrier} for any.
 */
public final class TapInterface implements AutoCloseable {
    /** The kernel may leave checksums to the reader. */
    public static final int SUMS = 0x01;

    /** And segments of TCP over IPv4. */
    public static final int TCP_IPV4 = 0x02;

    /** And segments of TCP over IPv6. */
    public static final int TCP_IPV6 = 0x04;

    /** And such with congestion bits. */
    public static final int TCP_ECN = 0x08;

    /** Segments of UDP over IPv4, and those over IPv6: a kernel takes both, or neither. */
    public static final int UDP = 0x20 | 0x40;

    private static final Path NODE = Path.of("/dev/net/tun");

    /** The most queues of one interface: the kernel's own limit. */
    private static final int MOST_QUEUES = 256;

    private final KernelInterface kernel;
    private final List<TapQueue> queues = new ArrayList<>();
    private final Resources resources = new Resources();

    private TapInterface(KernelInterface kernel) {
        this.kernel = resources.add(kernel);
    }

    /**
     * Opens the interface, which is made if there is none of this name.
     *
     * @param queueCount how many queues; 1 or more
     * @throws NativeException EPERM, EBUSY, EINVAL …, with the remedy in its message
     */
    public static TapInterface open(String name, int queueCount) {
        if (queueCount < 1 || queueCount > MOST_QUEUES) {
            throw new IllegalArgumentException(
                    "a TAP interface has 1 to %d queues: queues=%d"
                            .formatted(MOST_QUEUES, queueCount));
        }
        TapInterface tap = new TapInterface(KernelInterface.of(name));
        try {
            tap.openQueues(queueCount);
            return tap;
        } catch (RuntimeException failed) {
            tap.resources.closeAfter(failed);
            throw failed;
        }
    }

    private void openQueues(int queueCount) {
        int flags =
                InterfaceDescriptor.TAP
                        | InterfaceDescriptor.NO_PROTOCOL
                        | InterfaceDescriptor.VIRTIO_HEADER;
        int several = flags | InterfaceDescriptor.MULTIPLE_QUEUES;
        boolean wasThere = kernel.isThere();
        int answer = openQueue(queueCount > 1 ? several : flags);
        if (answer == -ErrorNames.EINVAL && queueCount == 1 && wasThere) {
            // Somebody made it for several queues: one of them will do.
            answer = openQueue(several);
        }
        for (int opened = 1; answer >= 0 && opened < queueCount; opened++) {
            answer = openQueue(several);
        }
        if (answer < 0) {
            throw refused(answer, queueCount, wasThere);
        }
    }

    private int openQueue(int flags) {
        DeviceNode node = node();
        resources.add(node);
        MemorySegment request = Arena.ofAuto().allocate(InterfaceDescriptor.REQUEST_BYTES, 8);
        KernelInterface.putName(request, kernel.name());
        request.set(ValueLayout.JAVA_SHORT, InterfaceDescriptor.VALUE_OFFSET, (short) flags);
        int answer = node.control(InterfaceDescriptor.TUN_SET_INTERFACE, request);
        if (answer >= 0) {
            set(node, InterfaceDescriptor.TUN_SET_HEADER_BYTES, VirtioHeader.SIZE_BYTES);
            set(node, InterfaceDescriptor.TUN_SET_LITTLE_ENDIAN, 1);
            queues.add(TapQueue.of(kernel.name(), node));
        }
        return answer;
    }

    private static DeviceNode node() {
        try {
            return DeviceNode.open(NODE);
        } catch (NativeException missing) {
            throw new NativeException(
                    missing.call(),
                    missing.errno(),
                    missing.errnoName(),
                    NODE
                            + (missing.errno() == ErrorNames.EACCES
                                    ? ": may not be used by you: chmod 666 it, as most systems do"
                                    : ": load the kernel's module: modprobe tun"));
        }
    }

    /** What the kernel refused, and what mends it. */
    private NativeException refused(int answer, int queueCount, boolean wasThere) {
        int errno = -answer;
        String name = kernel.name();
        String remedy = "the kernel does not say why";
        if (errno == ErrorNames.EPERM || errno == ErrorNames.EACCES) {
            remedy =
                    (wasThere
                                    ? "it belongs to another user, or is no TAP with these queues:"
                                    : "only an administrator of the network can make it:")
                            + " ip tuntap add dev %s mode tap%s user %s"
                                    .formatted(
                                            name,
                                            queueCount > 1 ? " multi_queue" : "",
                                            System.getProperty("user.name"));
        } else if (errno == ErrorNames.EBUSY) {
            remedy = "another process has it, with as many queues as it was made for";
        } else if (errno == ErrorNames.EINVAL && wasThere) {
            remedy =
                    queueCount > 1
                            ? "it is no TAP, or was made for one queue: leave --queues out, or make"
                                    + " it anew with multi_queue"
                            : "there is an interface of this name that is no TAP: take another";
        }
        return new NativeException(
                "ioctl TUNSETIFF",
                errno,
                ErrorNames.of(errno),
                "%s, queues=%d: %s".formatted(name, queueCount, remedy));
    }

    private static void set(DeviceNode node, int request, int value) {
        MemorySegment word = Arena.ofAuto().allocate(ValueLayout.JAVA_INT);
        word.set(ValueLayout.JAVA_INT, 0, value);
        KernelInterface.check(
                node.control(request, word), "TUNSET", "request=0x%x".formatted(request));
    }

    /** The interface as the kernel shows it to all. */
    public KernelInterface kernel() {
        return kernel;
    }

    /** One of its queues. */
    public TapQueue queue(int index) {
        return queues.get(index);
    }

    /** How many queues there are. */
    public int queueCount() {
        return queues.size();
    }

    /**
     * What the kernel may leave undone in frames that it sends through here.
     *
     * @param offloads {@link #SUMS} and the others, as bits; the others go with SUMS
     * @return false where this kernel knows some of them not, and nothing was changed
     */
    public boolean setOffloads(int offloads) {
        int answer = first().control(InterfaceDescriptor.TUN_SET_OFFLOAD, offloads);
        if (answer == -ErrorNames.EINVAL) {
            return false;
        }
        KernelInterface.check(answer, "TUNSETOFFLOAD", "0x%x".formatted(offloads));
        return true;
    }

    /**
     * Gives it this MAC address, through its own descriptor: who may use it may do that.
     *
     * @throws NativeException if the kernel refuses it
     */
    public void setMacAddress(byte[] address) {
        MemorySegment request = Arena.ofAuto().allocate(InterfaceDescriptor.REQUEST_BYTES, 8);
        KernelInterface.putName(request, kernel.name());
        request.set(
                ValueLayout.JAVA_SHORT,
                InterfaceDescriptor.VALUE_OFFSET,
                InterfaceDescriptor.ETHERNET);
        MemorySegment.copy(
                address,
                0,
                request,
                ValueLayout.JAVA_BYTE,
                InterfaceDescriptor.ADDRESS_OFFSET,
                InterfaceDescriptor.ADDRESS_BYTES);
        KernelInterface.check(
                first().control(InterfaceDescriptor.SET_ADDRESS, request),
                "SIOCSIFHWADDR",
                kernel.name());
    }

    /** Whether the interface stays when its last user closes it. */
    public void setPersistent(boolean stays) {
        KernelInterface.check(
                first().control(InterfaceDescriptor.TUN_SET_PERSIST, stays ? 1 : 0),
                "TUNSETPERSIST",
                kernel.name());
    }

    /**
     * Whether the stack sees a carrier. Any thread.
     *
     * @return false where this kernel is too old to be told, or the interface is gone
     */
    public synchronized boolean setCarrier(boolean isThere) {
        MemorySegment word = Arena.ofAuto().allocate(ValueLayout.JAVA_INT);
        word.set(ValueLayout.JAVA_INT, 0, isThere ? 1 : 0);
        return !first().descriptor().isClosed()
                && first().control(InterfaceDescriptor.TUN_SET_CARRIER, word) >= 0;
    }

    private DeviceNode first() {
        return queues.getFirst().node();
    }

    @Override
    public synchronized void close() {
        resources.close();
    }

    @Override
    public String toString() {
        return "TAP interface %s, queues=%d".formatted(kernel.name(), queues.size());
    }
}
