package dev.outboard.uio;

import dev.outboard.uio.nativecall.ErrorNames;

/** Makes exceptions of the kernel's negated error numbers. */
final class Failures {
    private Failures() {}

    /** The answer of a call that must succeed. */
    static int check(int answer, String call, Object operands) {
        if (answer < 0) {
            throw failure(call, answer, operands.toString());
        }
        return answer;
    }

    /** The exception for a negated error number. */
    static NativeException failure(String call, long answer, String operands) {
        int errno = (int) -answer;
        return new NativeException(call, errno, ErrorNames.of(errno), operands);
    }

    /** A descriptor as operands show it. */
    static String descriptor(int number) {
        return "fd=0x" + Integer.toHexString(number);
    }
}
