package dev.outboard.uio.nativecall;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/**
 * {@code ioctl}, bound by Panama: mapping for a device is one. Any thread; allocates nothing once
 * compiled.
 */
public final class DeviceCalls {
    /** What follows the request is variadic, and passed differently on some processors. */
    private static final MethodHandle IOCTL =
            DataCalls.bind(
                    "ioctl",
                    FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG),
                    Linker.Option.firstVariadicArg(2),
                    Linker.Option.captureCallState("errno"));

    private DeviceCalls() {}

    // CHECKSTYLE:OFF: invokeExact declares Throwable.

    /**
     * Asks a device for something.
     *
     * @param argument a number, or the address of memory that the caller keeps alive
     * @return the answer, or the negated error
     */
    public static int control(int descriptor, int request, long argument) {
        CallScratch scratch = CallScratch.ofThisThread();
        try {
            int answer =
                    (int)
                            IOCTL.invokeExact(
                                    scratch.capture,
                                    descriptor,
                                    Integer.toUnsignedLong(request),
                                    argument);
            return (int) scratch.answer(answer);
        } catch (Throwable thrown) {
            throw DataCalls.unexpected(thrown);
        }
    }
}
