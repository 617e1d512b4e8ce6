package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.DeviceCalls;
import dev.outboard.uio.nativecall.FileCalls;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.file.Path;
import jnr.constants.platform.OpenFlags;

/** A node that is open. Owns its descriptor; any thread. */
final class OpenNode implements DeviceNode {
    private final String name;
    private final Descriptor descriptor;

    OpenNode(String name, Descriptor descriptor) {
        this.name = name;
        this.descriptor = descriptor;
    }

    static DeviceNode open(Path path, OpenFlags mode) {
        int flags =
                mode.intValue() | OpenFlags.O_CLOEXEC.intValue() | OpenFlags.O_NONBLOCK.intValue();
        int number = ControlCalls.open(path.toString(), flags, 0);
        return new OpenNode(
                path.toString(), Descriptor.adopt(Failures.check(number, "open", path)));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Descriptor descriptor() {
        return descriptor;
    }

    @Override
    public int control(int request, long argument) {
        return DeviceCalls.control(descriptor.number(), request, argument);
    }

    @Override
    public int control(int request, MemorySegment argument) {
        if (!argument.isNative()) {
            throw new IllegalArgumentException("the kernel reaches native memory only");
        }
        int answer = DeviceCalls.control(descriptor.number(), request, argument.address());
        Reference.reachabilityFence(argument);
        return answer;
    }

    @Override
    public long read(MemorySegment into, long position) {
        return FileCalls.read(descriptor.number(), into, position);
    }

    @Override
    public long write(MemorySegment from, long position) {
        return FileCalls.write(descriptor.number(), from, position);
    }

    @Override
    public Mapping map(long offsetBytes, long lengthBytes, boolean writable) {
        return Mapping.ofDevice(descriptor, offsetBytes, lengthBytes, writable);
    }

    @Override
    public void close() {
        descriptor.close();
    }

    @Override
    public String toString() {
        return name;
    }
}
