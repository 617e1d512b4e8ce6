package dev.outboard.uio.net;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.Resources;
import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.ErrorNames;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The program in the kernel that hands frames of an interface's queues to sockets, and those of
 * queues without one to the kernel's own stack.
 *
 * <pre>
 *   r2 = context->rx_queue_index
 *   r1 = map of sockets, by queue
 *   r3 = XDP_PASS, for a queue that has none
 *   return bpf_redirect_map(r1, r2, r3)
 * </pre>
 *
 * <p>Held by a link of this process: however that ends, the program leaves the interface with it.
 * One thread.
 */
public final class XdpProgram implements AutoCloseable {
    private static final int INSTRUCTIONS = 6;
    private static final int QUEUE_INDEX_OFFSET = 16;
    private static final int PASS = 2;
    private static final int REDIRECT_MAP = 51;
    private static final String LICENSE = "Apache-2.0";

    private final Resources resources = new Resources();
    private final String name;
    private final int queues;
    private Descriptor map;
    private boolean isNative;

    private XdpProgram(String name, int queues) {
        this.name = name;
        this.queues = queues;
    }

    /** Where in the kernel it runs. */
    public enum Place {
        /** In the interface's driver where that can, or behind it. */
        AUTO,
        /** In the interface's driver. */
        NATIVE,
        /** Behind it, where the kernel has made a packet of the frame: any interface can. */
        GENERIC
    }

    /**
     * Puts it on an interface.
     *
     * @param queues queues that may have sockets: 0 to less than that
     * @throws NativeException EPERM, EBUSY where there is another program, EOPNOTSUPP …
     */
    public static XdpProgram attach(KernelInterface link, int queues, Place place) {
        XdpProgram program = new XdpProgram(link.name(), queues);
        try {
            program.map = program.resources.add(program.createMap());
            Descriptor loaded = program.resources.add(program.load());
            program.resources.add(program.attach(loaded, link.index(), place));
            return program;
        } catch (RuntimeException failed) {
            program.resources.closeAfter(failed);
            throw failed;
        }
    }

    private static MemorySegment attributes() {
        return Arena.ofAuto().allocate(XdpDescriptor.BPF_ATTRIBUTES_BYTES, 8);
    }

    private int call(int command, MemorySegment attributes) {
        return ControlCalls.bpf(command, attributes.address(), XdpDescriptor.BPF_ATTRIBUTES_BYTES);
    }

    private Descriptor adopt(int answer, String what) {
        if (answer < 0) {
            int errno = -answer;
            String remedy =
                    errno == ErrorNames.EPERM
                            ? ": it takes CAP_BPF and CAP_NET_ADMIN, as root has"
                            : errno == ErrorNames.EBUSY || errno == ErrorNames.EEXIST
                                    ? ": another program is on it: ip link set %s xdp off"
                                            .formatted(name)
                                    : "";
            throw new NativeException(
                    "bpf", errno, ErrorNames.of(errno), what + " for " + name + remedy);
        }
        return Descriptor.adopt(answer);
    }

    private Descriptor createMap() {
        MemorySegment attributes = attributes();
        attributes.set(ValueLayout.JAVA_INT, 0, XdpDescriptor.MAP_OF_SOCKETS);
        attributes.set(ValueLayout.JAVA_INT, 4, Integer.BYTES);
        attributes.set(ValueLayout.JAVA_INT, 8, Integer.BYTES);
        attributes.set(ValueLayout.JAVA_INT, 12, queues);
        return adopt(call(XdpDescriptor.BPF_MAP_CREATE, attributes), "BPF_MAP_CREATE");
    }

    private Descriptor load() {
        MemorySegment code = Arena.ofAuto().allocate(INSTRUCTIONS * Long.BYTES, 8);
        // r2 = *(u32 *)(r1 + 16)
        instruction(code, 0, 0x61, 2, 1, QUEUE_INDEX_OFFSET, 0);
        // r1 = the map of this descriptor, in two places
        instruction(code, 1, 0x18, 1, 1, 0, map.number());
        instruction(code, 2, 0, 0, 0, 0, 0);
        // r3 = XDP_PASS
        instruction(code, 3, 0xb7, 3, 0, 0, PASS);
        instruction(code, 4, 0x85, 0, 0, 0, REDIRECT_MAP);
        instruction(code, 5, 0x95, 0, 0, 0, 0);
        MemorySegment license = Arena.ofAuto().allocateFrom(LICENSE);
        MemorySegment attributes = attributes();
        attributes.set(ValueLayout.JAVA_INT, 0, XdpDescriptor.PROGRAM_XDP);
        attributes.set(ValueLayout.JAVA_INT, 4, INSTRUCTIONS);
        attributes.set(ValueLayout.JAVA_LONG, 8, code.address());
        attributes.set(ValueLayout.JAVA_LONG, 16, license.address());
        attributes.asSlice(48, 16).setString(0, "outboard");
        attributes.set(ValueLayout.JAVA_INT, 68, XdpDescriptor.ATTACH_XDP);
        int answer = call(XdpDescriptor.BPF_PROGRAM_LOAD, attributes);
        java.lang.ref.Reference.reachabilityFence(code);
        java.lang.ref.Reference.reachabilityFence(license);
        return adopt(answer, "BPF_PROG_LOAD");
    }

    private static void instruction(
            MemorySegment code, int index, int operation, int to, int from, int offset, int value) {
        long at = (long) index * Long.BYTES;
        code.set(ValueLayout.JAVA_BYTE, at, (byte) operation);
        code.set(ValueLayout.JAVA_BYTE, at + 1, (byte) (from << 4 | to));
        code.set(ValueLayout.JAVA_SHORT, at + 2, (short) offset);
        code.set(ValueLayout.JAVA_INT, at + 4, value);
    }

    private Descriptor attach(Descriptor program, int index, Place place) {
        if (place != Place.GENERIC) {
            int answer = link(program, index, XdpDescriptor.MODE_NATIVE);
            if (answer >= 0 || place == Place.NATIVE || answer != -ErrorNames.EOPNOTSUPP) {
                isNative = true;
                return adopt(answer, "BPF_LINK_CREATE in its driver");
            }
        }
        return adopt(link(program, index, XdpDescriptor.MODE_GENERIC), "BPF_LINK_CREATE");
    }

    private int link(Descriptor program, int index, int mode) {
        MemorySegment attributes = attributes();
        attributes.set(ValueLayout.JAVA_INT, 0, program.number());
        attributes.set(ValueLayout.JAVA_INT, 4, index);
        attributes.set(ValueLayout.JAVA_INT, 8, XdpDescriptor.ATTACH_XDP);
        attributes.set(ValueLayout.JAVA_INT, 12, mode);
        return call(XdpDescriptor.BPF_LINK_CREATE, attributes);
    }

    /** Whether it runs in the interface's driver. */
    public boolean isNative() {
        return isNative;
    }

    /** From now on frames of this queue are the socket's. */
    public void direct(int queue, XdpSocket socket) {
        MemorySegment words = Arena.ofAuto().allocate(2 * Integer.BYTES, 8);
        words.set(ValueLayout.JAVA_INT, 0, queue);
        words.set(ValueLayout.JAVA_INT, Integer.BYTES, socket.node().descriptor().number());
        MemorySegment attributes = attributes();
        attributes.set(ValueLayout.JAVA_INT, 0, map.number());
        attributes.set(ValueLayout.JAVA_LONG, 8, words.address());
        attributes.set(ValueLayout.JAVA_LONG, 16, words.address() + Integer.BYTES);
        int answer = call(XdpDescriptor.BPF_MAP_UPDATE, attributes);
        java.lang.ref.Reference.reachabilityFence(words);
        KernelInterface.check(answer, "bpf BPF_MAP_UPDATE_ELEM", name + ", queue=" + queue);
    }

    @Override
    public void close() {
        resources.close();
    }
}
