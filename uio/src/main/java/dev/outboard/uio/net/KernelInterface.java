package dev.outboard.uio.net;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.DeviceNode;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.Sockets;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A network interface of this process's network namespace, by its name: what the kernel says of it,
 * and may be told. Owns a socket, which the kernel is asked through. Any thread, one at a time.
 */
public final class KernelInterface implements AutoCloseable {
    private final String name;
    private final DeviceNode socket;
    private final MemorySegment request =
            Arena.ofAuto().allocate(InterfaceDescriptor.REQUEST_BYTES, 8);

    private KernelInterface(String name, DeviceNode socket) {
        this.name = name;
        this.socket = socket;
    }

    /**
     * An interface that may be there or not.
     *
     * @throws IllegalArgumentException if the kernel gives nothing such a name
     */
    public static KernelInterface of(String name) {
        checkName(name);
        Descriptor descriptor = Sockets.datagrams();
        return new KernelInterface(name, DeviceNode.adopt("interface " + name, descriptor));
    }

    static void checkName(String name) {
        boolean isName =
                !name.isEmpty()
                        && name.length() < InterfaceDescriptor.NAME_BYTES
                        && name.chars().allMatch(KernelInterface::isNameCharacter)
                        && !name.equals(".")
                        && !name.equals("..");
        if (!isName) {
            throw new IllegalArgumentException(
                    "'%s' is no name of an interface: 1 to 15 letters, digits and - _ ."
                            .formatted(name));
        }
    }

    private static boolean isNameCharacter(int character) {
        return character > ' ' && character < 0x7f && character != '/' && character != ':';
    }

    /** Its name. */
    public String name() {
        return name;
    }

    /** Whether there is one. */
    public boolean isThere() {
        return ask(InterfaceDescriptor.GET_INDEX) >= 0;
    }

    /**
     * The number that the kernel knows it by.
     *
     * @throws NativeException ENODEV if there is none
     */
    public int index() {
        asked(InterfaceDescriptor.GET_INDEX, "SIOCGIFINDEX");
        return value();
    }

    /** The largest payload of a frame, without its Ethernet header. */
    public int mtuBytes() {
        asked(InterfaceDescriptor.GET_MTU, "SIOCGIFMTU");
        return value();
    }

    /**
     * Sets it.
     *
     * @throws NativeException EPERM for who is not the administrator of the network, EINVAL for
     *     more than the interface can
     */
    public void setMtuBytes(int mtuBytes) {
        clear();
        request.set(ValueLayout.JAVA_INT, InterfaceDescriptor.VALUE_OFFSET, mtuBytes);
        told(InterfaceDescriptor.SET_MTU, "SIOCSIFMTU", "mtu=" + mtuBytes);
    }

    /** Its MAC address: 6 bytes, a copy. */
    public byte[] macAddress() {
        asked(InterfaceDescriptor.GET_ADDRESS, "SIOCGIFHWADDR");
        return request.asSlice(
                        InterfaceDescriptor.ADDRESS_OFFSET, InterfaceDescriptor.ADDRESS_BYTES)
                .toArray(ValueLayout.JAVA_BYTE);
    }

    /** Whether it is up: its owner wants it used. */
    public boolean isUp() {
        asked(InterfaceDescriptor.GET_FLAGS, "SIOCGIFFLAGS");
        return (flags() & InterfaceDescriptor.FLAG_UP) != 0;
    }

    /**
     * Brings it up; it stays as it is if it is up.
     *
     * @throws NativeException EPERM for who is not the administrator of the network
     */
    public void bringUp() {
        asked(InterfaceDescriptor.GET_FLAGS, "SIOCGIFFLAGS");
        short wanted = (short) (flags() | InterfaceDescriptor.FLAG_UP);
        if (wanted != flags()) {
            request.set(ValueLayout.JAVA_SHORT, InterfaceDescriptor.VALUE_OFFSET, wanted);
            told(InterfaceDescriptor.SET_FLAGS, "SIOCSIFFLAGS", "IFF_UP");
        }
    }

    /**
     * Has it receive what is for others than itself, too, until what is returned is closed. The
     * kernel counts who wants that, and forgets it with the process.
     *
     * @throws NativeException EPERM for who may not
     */
    public AutoCloseable receiveAll() {
        return Sockets.receiveAll(index());
    }

    /**
     * Looks whether it is there still.
     *
     * @throws InterfaceGoneException if it was deleted
     */
    public void checkThere() {
        if (!isThere()) {
            throw new InterfaceGoneException(name);
        }
    }

    private short flags() {
        return request.get(ValueLayout.JAVA_SHORT, InterfaceDescriptor.VALUE_OFFSET);
    }

    private int value() {
        return request.get(ValueLayout.JAVA_INT, InterfaceDescriptor.VALUE_OFFSET);
    }

    private void clear() {
        putName(request, name);
    }

    /** A request that names an interface, and nothing else yet. */
    static void putName(MemorySegment request, String name) {
        request.fill((byte) 0);
        request.setString(0, name);
    }

    private int ask(int what) {
        clear();
        return socket.control(what, request);
    }

    private void asked(int what, String call) {
        check(ask(what), call, name);
    }

    private void told(int what, String call, String operands) {
        check(socket.control(what, request), call, name + ", " + operands);
    }

    static void check(int answer, String call, String operands) {
        if (answer < 0) {
            throw DeviceNode.failure("ioctl " + call, answer, operands);
        }
    }

    @Override
    public void close() {
        socket.close();
    }
}
