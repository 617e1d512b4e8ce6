package dev.outboard.host.process;

import java.io.IOException;
import java.util.HashSet;
import java.util.Set;

/** Starts processes, and ends those that still live when this process ends. Any thread. */
final class Spawner {
    private static final Set<Process> LIVING = new HashSet<>();
    private static boolean ending;

    static {
        Runtime.getRuntime()
                .addShutdownHook(
                        Thread.ofPlatform().name("outboard-children").unstarted(Spawner::endAll));
    }

    private Spawner() {}

    static Process start(ProcessBuilder builder) throws IOException {
        Process process;
        synchronized (LIVING) {
            if (ending) {
                throw new IOException("this process is ending");
            }
            process = builder.start();
            LIVING.add(process);
        }
        process.onExit().thenAccept(Spawner::forget);
        return process;
    }

    private static void forget(Process ended) {
        synchronized (LIVING) {
            LIVING.remove(ended);
        }
    }

    private static void endAll() {
        synchronized (LIVING) {
            ending = true;
            // Not Process.destroy, which closes the streams: what a child says last may be read.
            LIVING.forEach(process -> process.toHandle().destroy());
        }
    }
}
