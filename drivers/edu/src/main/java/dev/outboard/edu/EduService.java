package dev.outboard.edu;

import dev.outboard.driver.Service;
import java.lang.foreign.MemorySegment;

/** What the teaching device can do. One thread. */
public interface EduService extends Service {
    /** The bytes that the device can keep. */
    int CAPACITY_BYTES = 2048;

    /** The factorial of a number, in 32 bits, by the device. */
    int factorial(int number);

    /**
     * Has the device keep some bytes.
     *
     * @throws IndexOutOfBoundsException if they are more than {@link #CAPACITY_BYTES}
     */
    void store(MemorySegment bytes);

    /** Has the device give back the first bytes that it keeps. */
    void load(MemorySegment into);
}
