package dev.outboard.uio.failure;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Where something is taken that can run out: a descriptor, a mapping, pages. A test makes the n-th
 * such point fail, n = 1, 2, … until its chain of steps succeeds, and looks after each at what is
 * left.
 *
 * <p>It is there only if the virtual machine was started with {@code
 * -Ddev.outboard.failurePoints=true}: otherwise {@link #fails} is a constant that the compiler
 * removes, and {@link #arm} refuses. One test arms it at a time; points are counted over all
 * threads.
 */
public final class FailurePoint {
    private static final String PROPERTY = "dev.outboard.failurePoints";
    private static final boolean ON = Boolean.getBoolean(PROPERTY);

    /** How many points from now is the one that fails; 0 or less: none. */
    private static final AtomicLong LEFT = new AtomicLong();

    /** The only kind that counts; null: every one does. */
    private static volatile String only;

    private static volatile String hit = "";

    private FailurePoint() {}

    /**
     * Whether this point fails now.
     *
     * @param what is taken here, for {@link #disarm}
     */
    public static boolean fails(String what) {
        return ON && isDue(what);
    }

    private static boolean isDue(String what) {
        String kind = only;
        if (LEFT.get() <= 0 || kind != null && !kind.equals(what) || LEFT.decrementAndGet() != 0) {
            return false;
        }
        hit = what;
        return true;
    }

    /**
     * Lets the n-th point from now fail, once.
     *
     * @throws IllegalStateException if the virtual machine was started without them
     */
    public static void arm(long number) {
        arm(null, number);
    }

    /**
     * The same of the points that take one thing: where threads race, the n-th of all of them is
     * now this one and now that one, and one that is always passed over may be asked for by name.
     *
     * @param what as the point calls it; null for all
     */
    public static void arm(String what, long number) {
        if (!ON) {
            throw new IllegalStateException("start with -D" + PROPERTY + "=true");
        }
        if (number < 1) {
            throw new IllegalArgumentException("number=" + number + " is not positive");
        }
        hit = "";
        only = what;
        LEFT.set(number);
    }

    /** Lets none fail any more; what failed, or an empty string. */
    public static String disarm() {
        LEFT.set(0);
        return hit;
    }
}
