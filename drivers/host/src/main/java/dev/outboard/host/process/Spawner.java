package dev.outboard.host.process;

import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Starts processes from one thread that lives as long as this process.
 *
 * <p>"Die with your parent" (PR_SET_PDEATHSIG) means the <em>thread</em> that started the child: a
 * child of a pool's thread would die when the pool shrinks. Whatever still lives when this process
 * ends in the ordinary way is ended by a hook. Any thread.
 */
final class Spawner {
    private static final Set<Process> LIVING = ConcurrentHashMap.newKeySet();
    private static final ExecutorService THREAD =
            Executors.newSingleThreadExecutor(
                    work -> Thread.ofPlatform().daemon().name("outboard-spawner").unstarted(work));

    static {
        Runtime.getRuntime()
                .addShutdownHook(
                        Thread.ofPlatform()
                                .name("outboard-children")
                                .unstarted(() -> LIVING.forEach(Process::destroy)));
    }

    private Spawner() {}

    static Process start(ProcessBuilder builder) throws IOException {
        try {
            return THREAD.submit(() -> register(builder.start())).get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException cause) {
                throw cause;
            }
            throw new IllegalStateException("a process could not be started", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while a process was started", e);
        }
    }

    private static Process register(Process process) {
        LIVING.add(process);
        process.onExit().thenAccept(LIVING::remove);
        return process;
    }
}
