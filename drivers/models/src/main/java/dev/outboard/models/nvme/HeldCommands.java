package dev.outboard.models.nvme;

/**
 * I/O commands that take their time: what makes a controller slow on purpose, so that commands are
 * under way when it is reset or asked to abort. In order, as each takes as long. The loop's thread.
 */
final class HeldCommands {
    static final int CAPACITY = 8192;

    private final SubmissionQueue[] queues = new SubmissionQueue[CAPACITY];
    private final Command[] commands = new Command[CAPACITY];
    private final long[] dueNanos = new long[CAPACITY];
    private final boolean[] isAborted = new boolean[CAPACITY];
    private int first;
    private int count;

    HeldCommands(boolean isUsed) {
        for (int at = 0; isUsed && at < CAPACITY; at++) {
            commands[at] = new Command();
        }
    }

    boolean isFull() {
        return count == CAPACITY;
    }

    boolean isEmpty() {
        return count == 0;
    }

    /** Holds a copy. */
    void add(SubmissionQueue queue, Command command, long due) {
        int at = (first + count) % CAPACITY;
        queues[at] = queue;
        commands[at].copy(command);
        dueNanos[at] = due;
        isAborted[at] = false;
        count++;
    }

    /** When the first is due; only if there is one. */
    long dueNanos() {
        return dueNanos[first];
    }

    /** The queue of the first; null if that is no more. */
    SubmissionQueue queue() {
        return queues[first];
    }

    Command command() {
        return commands[first];
    }

    boolean isAborted() {
        return isAborted[first];
    }

    void remove() {
        queues[first] = null;
        first = (first + 1) % CAPACITY;
        count--;
    }

    /** Marks a command: when it is due it is not done; false if it is not here. */
    boolean abort(int queue, int id) {
        for (int number = 0; number < count; number++) {
            int at = (first + number) % CAPACITY;
            if (queues[at] != null && queues[at].id == queue && commands[at].id() == id) {
                isAborted[at] = true;
                return true;
            }
        }
        return false;
    }

    /** Forgets what came from a queue. */
    void forget(SubmissionQueue queue) {
        for (int number = 0; number < count; number++) {
            int at = (first + number) % CAPACITY;
            if (queues[at] == queue) {
                queues[at] = null;
            }
        }
    }

    void clear() {
        while (count > 0) {
            remove();
        }
    }
}
